"""TimeToTarget against the curve in TensorBoard."""

import json
from pathlib import Path

import pytest

from gradexp import run
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import events

SHORT = ("trainer.max_epochs=6", "figures=false", "test=false")


def first_epoch(folder: Path, tag: str, target: float, better_is_more: bool) -> int:
    """The first epoch that reaches the target, from TensorBoard; an epoch of the digits is 39 steps."""
    points: list[tuple[int, float]] = [(event.step // 39, event.value) for event in events(folder).Scalars(tag)]
    return next(epoch for epoch, value in points if (value >= target if better_is_more else value <= target))


@pytest.mark.parametrize(("monitor", "target"), [("val/accuracy", 0.93), ("val/loss", 0.3)])
def test_the_epoch_is_the_first_that_reaches_the_target(monitor: str, target: float) -> None:
    result = run(*SHORT, f"monitor={monitor}", f"target_score={target}")
    expected = first_epoch(result.folder, monitor, target, monitor.endswith("accuracy"))
    assert 1 < result.metrics["epochs/to_target"] == expected < 6
    assert 0 < result.metrics["seconds/to_target"] < result.metrics["seconds/fit"]


def test_the_last_epoch_counts_and_a_missed_target_is_noted() -> None:
    whole = run(*SHORT)
    at_last = run(*SHORT, "trainer.max_epochs=1", "target_score=0.0")
    assert at_last.metrics["epochs/to_target"] == 1
    never = run(*SHORT, "target_score=1.0")
    assert "epochs/to_target" not in never.metrics
    assert "target_score 1 of val/accuracy was not reached" in never.notes
    assert "epochs/to_target" not in whole.metrics


def test_a_resumed_run_keeps_the_epoch_that_reached_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (*SHORT, "target_score=0.9")
    whole = run(*settings, "hydra.run.dir=whole")
    with monkeypatch.context() as patch:
        cut_power_at(5 * 39 + 3, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt", "target_score=0.9")
    assert json.loads(Path("cut/metrics.json").read_text()) == resumed.metrics
    assert whole.metrics["epochs/to_target"] == resumed.metrics["epochs/to_target"] < 5
