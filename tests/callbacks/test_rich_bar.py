"""RichBar: no line for a short fit, one line for a long one, and a restored terminal at the end."""

import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from rich.console import Console

from gradexp import MLPClassifier
from gradexp.callbacks import RichBar, progress_bar
from gradexp.data import BatchLoader, BatchOrder, TensorSource

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("TERM", "xterm-256color")
    return Console(file=io.StringIO(), force_terminal=True, width=300, color_system=None, legacy_windows=False)


@pytest.fixture
def appears_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "APPEARS_AFTER", 0.0)
    monkeypatch.setattr(progress_bar, "DRAWN_EVERY", 0.0)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def trainer_with(console: Console, *callbacks: Callback, **arguments: Any) -> tuple[Trainer, RichBar]:
    bar = RichBar(console)
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    quiet |= {"accelerator": "cpu", "log_every_n_steps": 1}
    return Trainer(callbacks=[bar, *callbacks], **quiet, **arguments), bar


def loader() -> BatchLoader:
    generator = torch.Generator().manual_seed(0)
    source = TensorSource(torch.randn(20, 4, generator=generator), torch.randint(3, (20,), generator=generator))
    return BatchLoader(source, BatchOrder(20, 5))


def test_a_short_fit_draws_nothing(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    # An hour, so that the fit is shorter on any machine.
    monkeypatch.setattr(progress_bar, "APPEARS_AFTER", 3600.0)
    trainer, _ = trainer_with(console, max_epochs=2)
    trainer.fit(MLPClassifier(4, 3), loader(), loader())
    trainer.test(MLPClassifier(4, 3), loader(), verbose=False)
    assert drawn(console) == ""


@pytest.mark.usefixtures("appears_at_once")
def test_a_fit_shows_epoch_steps_loss_and_accuracy_until_it_ends(console: Console) -> None:
    trainer, bar = trainer_with(console, max_epochs=2)
    trainer.fit(MLPClassifier(4, 3), loader(), loader())
    text = drawn(console)
    for step in range(1, 9):
        assert f"epoch {(step + 3) // 4}/2" in text
        assert f"{100 * step / 8:.0f}%" in text
    lines = [line for line in text.replace("\r", "\n").split("\n") if "epoch 2/2" in line]
    for name in (" loss ", " accuracy ", "val/accuracy "):
        assert all(name in line for line in lines), name
    assert "objective" not in text
    assert "penalty" not in text
    assert text.endswith("\x1b[2K")  # the line is erased
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert bar._bar._bar is None


@pytest.mark.usefixtures("appears_at_once")
@pytest.mark.parametrize("max_epochs", [100, -1])
def test_a_fit_that_ends_by_steps_counts_the_epochs_that_they_take(console: Console, max_epochs: int) -> None:
    trainer, _ = trainer_with(console, max_epochs=max_epochs, max_steps=6)
    trainer.fit(MLPClassifier(4, 3), loader(), loader())
    assert {*re.findall(r"epoch \S+", drawn(console))} == {"epoch 1/2", "epoch 2/2"}
    assert "100%" in drawn(console)


@pytest.mark.usefixtures("appears_at_once")
def test_the_numbers_drawn_are_the_metrics(console: Console) -> None:
    torch.manual_seed(0)
    seen: list[dict[str, Any]] = []

    class Note(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *arguments: Any) -> None:
            seen.append(pl_module.latest)

    trainer, _ = trainer_with(console, Note(), max_steps=3)
    trainer.fit(MLPClassifier(4, 3), loader(), loader())
    expected = [(metrics["train/loss"], metrics["train/accuracy"]) for metrics in seen]
    shown = [(float(a), float(b)) for a, b in re.findall(r"loss ([\d.]+) +accuracy ([\d.]+)", drawn(console))]
    assert len(expected) == 3
    # The last line is drawn again when the bar ends.
    np.testing.assert_allclose(shown, [*expected, expected[-1]], rtol=0.01)


@pytest.mark.usefixtures("appears_at_once")
@pytest.mark.parametrize("stage", ["test", "predict"])
def test_tests_and_predictions_count_their_batches(console: Console, stage: str) -> None:
    trainer, bar = trainer_with(console)
    if stage == "test":
        trainer.test(MLPClassifier(4, 3), loader(), verbose=False)
    else:
        trainer.predict(MLPClassifier(4, 3), loader())
    assert stage in drawn(console)
    assert all(f"{share}%" in drawn(console) for share in (25, 50, 75, 100))
    assert bar._bar._bar is None


class Interrupt(Callback):
    """Ends a fit by an exception in its third step."""

    def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step == 2:
            raise RuntimeError("the third step")


@pytest.mark.usefixtures("appears_at_once")
def test_an_exception_restores_the_terminal(console: Console) -> None:
    trainer, bar = trainer_with(console, Interrupt(), max_epochs=2)
    with pytest.raises(RuntimeError, match="the third step"):
        trainer.fit(MLPClassifier(4, 3), loader(), loader())
    text = drawn(console)
    assert "25%" in text
    assert "38%" not in text
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert text.endswith("\x1b[2K")
    assert bar._bar._bar is None


@pytest.mark.usefixtures("appears_at_once")
def test_only_the_first_process_draws(console: Console) -> None:
    trainer, bar = trainer_with(console, max_epochs=1)
    bar.disable()
    trainer.fit(MLPClassifier(4, 3), loader(), loader())
    assert drawn(console) == ""


@pytest.mark.usefixtures("appears_at_once")
def test_square_brackets_in_a_label_are_not_markup(console: Console) -> None:
    bar = progress_bar.ProgressBar(console)
    bar.draw("[red]figures[/]: [/x]", 1, 2, "loss[/] 0.5")
    bar.end()
    assert "[red]figures[/]: [/x]" in drawn(console)
    assert "loss[/] 0.5" in drawn(console)
