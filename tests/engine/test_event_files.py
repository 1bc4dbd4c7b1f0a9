"""After a resume TensorBoard has each step once, with the values of an uninterrupted fit."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from torch.utils.tensorboard import SummaryWriter

from gradexp import run
from gradexp.engine.event_files import HPARAMS, EventFiles, SaveEventSizes
from gradexp.reports.curves import curves
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import events

# 39 steps an epoch. The log interval divides the last step, 78, and the first checkpoint's, 39.
SETTINGS = (
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=13",
    "+callbacks=diagnostics",
    "callbacks.diagnostics.every_n_steps=7",
    "metrics={recall:{_target_:torchmetrics.Recall}}",
)
TIMES = {"train/samples_per_second", "seconds/fit", "seconds/test"}


def shown(folder: Path) -> dict[str, list[Any]]:
    """Every point in TensorBoard by tag: step and value, or the step alone of images and texts."""
    log = events(folder)
    tags = log.Tags()
    points = {tag: [(point.step, point.value) for point in log.Scalars(tag)] for tag in {*tags["scalars"]} - TIMES}
    points |= {tag: [point.step for point in log.Images(tag)] for tag in tags["images"]}
    points |= {tag: [point.step for point in log.Tensors(tag)] for tag in tags["tensors"]}
    return points | {tag: [point.step for point in log.Histograms(tag)] for tag in tags["histograms"]}


@pytest.mark.slow
def test_each_step_is_shown_once_after_a_resume_from_anywhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = run(*SETTINGS, "hydra.run.dir=whole")
    expected = shown(whole.folder)
    for tag, points in expected.items():
        steps = [point[0] if isinstance(point, tuple) else point for point in points]
        assert steps == sorted(set(steps)), tag
    assert [step for step, _ in expected["train/loss"]] == [13, 26, 39, 52, 65, 78]
    assert [step for step, _ in expected["train/loss_epoch"]] == [39, 78]
    assert [step for step, _ in expected["weights/grad_norm/network.output"]] == [*range(1, 79, 7)]
    for step in (5, 60):  # in the first epoch, and in the second
        folder = Path(f"cut{step}").absolute()
        with monkeypatch.context() as patch:
            cut_power_at(step, patch)
            with pytest.raises(PowerCut):
                run(*SETTINGS, f"hydra.run.dir={folder}")
        run(f"ckpt_path={folder}/checkpoints/last.ckpt")
        assert shown(folder) == expected
    run(f"ckpt_path={whole.folder}/checkpoints/last.ckpt")  # a finished run, as after a kill that fell into its test
    assert shown(whole.folder) == expected
    run(f"ckpt_path={whole.folder}/checkpoints/best.ckpt", "trainer.max_epochs=3", "figures=false")
    more = shown(whole.folder)
    assert [step for step, _ in more["train/loss_epoch"]] == [39, 78, 117]
    assert len(more["config/text_summary"]) == 2, "a changed configuration is shown at the step of its resume"
    # Another fit in the folder replaces the first.
    run(*SETTINGS, "trainer.max_epochs=1", "figures=false", "hydra.run.dir=whole")
    assert [step for step, _ in shown(whole.folder)["train/loss_epoch"]] == [39]
    warned = [record for record in caplog.records if record.name == "tensorboard" and record.levelno >= logging.WARNING]
    assert [record.message for record in warned] == []


def log(files: EventFiles, *steps: int) -> None:
    for step in steps:
        files.log_metrics({"loss": float(step)}, step)
    files.save()


def rewind(files: EventFiles, checkpoint: dict[str, Any] | None) -> None:
    files.begin_rewind(checkpoint)
    files.end_rewind()


def test_a_resumed_fit_keeps_what_was_logged_before_its_checkpoint(tmp_path: Path) -> None:
    first = EventFiles(tmp_path, name="tensorboard", version="")
    log(first, 1, 2)
    checkpoint = {"global_step": 2, "event_files": first.sizes()}
    log(first, 2, 3)
    first.experiment.close()
    with SummaryWriter(str(tmp_path / "tensorboard"), filename_suffix=".hparams"):
        pass
    for _ in range(2):  # the second resume, too, is from the checkpoint of step 2
        second = EventFiles(tmp_path, name="tensorboard", version="", purge_step=3)
        rewind(second, checkpoint)
        assert second.continues
        log(second, 3, 4)
        second.experiment.close()
        assert [event.step for event in events(tmp_path).Scalars("loss")] == [1, 2, 3, 4]
    third = EventFiles(tmp_path, name="tensorboard", version="")
    rewind(third, {"global_step": 4})  # of a version that saved no sizes
    assert [event.step for event in events(tmp_path).Scalars("loss")] == [1, 2, 3, 4]
    rewind(third, None)
    assert not third.continues
    assert not [*Path(third.log_dir).iterdir()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_resume_that_fails_leaves_the_files_as_they_were(tmp_path: Path) -> None:
    first = EventFiles(tmp_path, name="tensorboard", version="")
    log(first, 1, 2)
    first_sizes = first.sizes()
    checkpoint = {"global_step": 2, "event_files": first_sizes}
    log(first, 3)
    first.experiment.close()
    before = contents(tmp_path / "tensorboard")
    failed = EventFiles(tmp_path, name="tensorboard", version="", purge_step=3)
    failed.begin_rewind(checkpoint)
    assert failed.continues
    log(failed, 3, 4)
    assert contents(tmp_path / "tensorboard").items() > before.items()
    failed.undo()
    assert contents(tmp_path / "tensorboard") == before
    # The end may follow when the fit has logged.
    second = EventFiles(tmp_path, name="tensorboard", version="", purge_step=3)
    second.begin_rewind(checkpoint)
    log(second, 3)
    for _ in range(2):
        second.end_rewind()
    second.undo()  # too late to change anything
    log(second, 4)
    assert second.sizes().items() >= first_sizes.items()
    second.experiment.close()
    assert [event.step for event in events(tmp_path).Scalars("loss")] == [1, 2, 3, 4]


def test_a_checkpoint_in_memory_changes_no_file_and_settings_stay_until_replaced(tmp_path: Path) -> None:
    first = EventFiles(tmp_path, name="tensorboard", version="")
    log(first, 1, 2)
    checkpoint = {"global_step": 2, "event_files": first.sizes()}
    log(first, 3)
    first.experiment.close()
    with SummaryWriter(str(tmp_path / "tensorboard"), filename_suffix=HPARAMS):
        pass
    before = contents(tmp_path / "tensorboard")
    second = EventFiles(tmp_path, name="tensorboard", version="", purge_step=3)
    second.begin_rewind(checkpoint)
    log(second, 3, 4)
    saved: dict[str, Any] = {}
    trainer: Any = SimpleNamespace(logger=second, is_global_zero=True)
    SaveEventSizes().on_save_checkpoint(trainer, LightningModule(), saved)
    assert contents(tmp_path / "tensorboard").items() > before.items()
    second.end_rewind()
    assert saved["event_files"] == second.sizes(), "as they are once last.ckpt is saved"
    (settings,) = (name for name in before if name.endswith(HPARAMS))
    assert before[settings] in contents(tmp_path / "tensorboard").values()
    log(second, 5)
    third = EventFiles(tmp_path, name="tensorboard", version="", purge_step=5)
    rewind(third, {"global_step": 4} | saved)
    assert [event.step for event in events(tmp_path).Scalars("loss")] == [1, 2, 3, 4]
    assert any(path.name.endswith(HPARAMS) for path in Path(third.log_dir).iterdir())


def test_curves_are_by_step_though_the_clock_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint: dict[str, Any] | None = None
    now = time.time()
    for number in range(4):  # a fit and three resumes, each with a clock an hour before
        monkeypatch.setattr(time, "time", lambda number=number: now - 3600 * number)
        files = EventFiles(tmp_path, name="tensorboard", version="", purge_step=2 * number + 1)
        rewind(files, checkpoint)
        log(files, 2 * number + 1, 2 * number + 2)
        checkpoint = {"global_step": 2 * number + 2, "event_files": files.sizes()}
        files.experiment.close()
        assert [event.step for event in events(tmp_path).Scalars("loss")] == [*range(1, 2 * number + 3)]


def test_the_curves_of_files_in_any_order_are_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, steps in ((2e9, (1, 2, 3)), (1e9, (3, 4, 5))):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        with SummaryWriter(str(tmp_path / "tensorboard")) as writer:
            for step in steps:
                writer.add_scalar("loss", step, step)
    assert curves(tmp_path, ["loss", "other"]) == {"loss": ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])}


def test_after_ctrl_c_all_values_are_written(tmp_path: Path) -> None:
    logger = EventFiles(tmp_path, name="tensorboard", version="")
    logger.log_metrics({"val/loss": 1.0}, step=1)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        logger.finalize("failed")
    assert [event.value for event in events(tmp_path).Scalars("val/loss")] == [1.0]


@pytest.mark.parametrize("logs_it", [False, True])
def test_only_an_epoch_that_a_module_logs_itself_is_a_curve(logs_it: bool, tmp_path: Path) -> None:
    class Logging(BoringModel):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.log_dict({"loss": 1.0, "epoch": 0.5} if logs_it else {"loss": 1.0})
            return super().training_step(batch, batch_idx)

    logger = EventFiles(tmp_path, name="tensorboard", version="", default_hp_metric=False)
    options: dict[str, Any] = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    trainer = Trainer(
        max_steps=2, limit_val_batches=0, log_every_n_steps=1, logger=logger, accelerator="cpu", **options
    )
    trainer.fit(Logging())
    log = events(tmp_path)
    assert sorted(log.Tags()["scalars"]) == ["epoch"] * logs_it + ["loss"]
    assert not logs_it or [point.value for point in log.Scalars("epoch")] == [0.5, 0.5]
