"""The progress of stacks: a bar on a terminal, lines elsewhere."""

import io
import time
from typing import Any

import pytest
from rich.console import Console

from gradexp.app.vectorized.progress import SECONDS, RelayedProgress, StackProgress
from gradexp.callbacks import progress_bar


def console(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=300, color_system=None, legacy_windows=False)


def shown(on: Console) -> str:
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def second_stack(progress: StackProgress) -> None:
    """The state in the second of five stacks of 64 jobs with 20 epochs."""
    progress.begin(1, 5, 64, 20, 64 * 20)
    progress.count(64 * 20)
    progress.begin(2, 5, 64, 20, 64 * 20)


def test_a_terminal_shows_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(progress_bar, "APPEARS_AFTER", 0.0)
    monkeypatch.setattr(progress_bar, "DRAWN_EVERY", 0.0)
    terminal = console(is_terminal=True)
    progress = StackProgress(terminal, 5 * 64 * 20)
    second_stack(progress)
    assert progress.is_due()
    progress.show(5, "val/accuracy", 0.98765)
    assert "stack 2 of 5 | 64 jobs | epoch 5/20 " in shown(terminal)
    assert " 25% " in shown(terminal)  # of the epochs of all jobs: (20 + 5) / 100
    assert "best val/accuracy 0.9877" in shown(terminal)
    progress.hide()
    assert shown(terminal).endswith("\x1b[2K")


@pytest.mark.parametrize(("part", "parts"), [(None, 1), (2, 3)])
def test_elsewhere_there_is_a_line_now_and_then(part: int | None, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    file = console(is_terminal=part is not None)  # a part draws no bar even there: other processes share the terminal
    progress = StackProgress(file, 5 * 64 * 20, part, parts)
    second_stack(progress)
    now += SECONDS * parts - 1
    assert not progress.is_due()
    now += 2
    assert progress.is_due()
    progress.show(5, "val/accuracy", None)
    assert not progress.is_due()
    now += SECONDS * parts
    progress.show(20, "val/accuracy", 0.5)
    first, second = shown(file).splitlines()
    label = "" if part is None else "part 2 of 3 | "
    left = {1: ("0:01:33", "0:01:32"), 3: ("0:04:33", "0:04:32")}[
        parts
    ]  # (30 p + 1) * 75 / 25 and (60 p + 1) * 60 / 40
    assert first == f"{label}stack 2 of 5 | 64 jobs | epoch 5/20 | {left[0]} left"
    assert second == f"{label}stack 2 of 5 | 64 jobs | epoch 20/20 | best val/accuracy 0.5 | {left[1]} left"


def test_progress_that_is_not_wanted_is_not_shown() -> None:
    quiet = Console(file=io.StringIO(), quiet=True, force_terminal=True)
    progress = StackProgress(quiet, 10)
    progress.begin(1, 1, 1, 10, 10)
    progress.show(3, "val/loss", 1.0)
    assert shown(quiet) == ""


def test_the_bar_counts_the_stacks_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "APPEARS_AFTER", 0.0)
    monkeypatch.setattr(progress_bar, "DRAWN_EVERY", 0.0)
    terminal = console(is_terminal=True)
    progress = StackProgress(terminal, 2 * 32 * 20)
    sent: list[tuple[str, tuple[Any, ...]]] = []
    relayed = RelayedProgress(lambda name, arguments: sent.append((name, arguments)))
    relayed.begin(1, 1, 32, 20, 32 * 20)
    relayed.show(8, "val/accuracy", 0.5)
    assert not relayed.is_due()
    for process in (0, 1):
        for name, arguments in sent:
            getattr(progress, name)(*arguments, process=process)
    assert " 40% " in shown(terminal).splitlines()[-1]  # 8 of 20 epochs in both
    progress.count(32 * 20, process=0)
    progress.show(10, "val/accuracy", 0.5, process=1)
    assert " 75% " in shown(terminal).splitlines()[-1]
    progress.hide()


def test_epochs_that_max_steps_leaves_out_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    file = console(is_terminal=False)
    progress = StackProgress(file, 2 * 32 * 100)
    progress.begin(1, 2, 32, 4, 32 * 100)  # four of 100 epochs
    now += 10
    progress.show(2, "val/accuracy", None)
    assert shown(file) == "stack 1 of 2 | 32 jobs | epoch 2/4 | 0:00:30 left\n"
