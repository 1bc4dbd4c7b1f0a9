"""The metric of a comparison: its name, its direction, its step."""

from typing import Any

import pytest

from gradexp.sweeps.report.comparison.scores import Metric, metric_of
from gradexp.sweeps.report.comparison.settings import settings_of
from tests.sweeps.report.comparison.jobs import job, sweep

METRICS = {"best/val/accuracy": 0.9, "best/val/loss": 0.3, "test/accuracy": 0.8, "test/rmse": 2.0, "seconds/fit": 1.5}


def jobs(**metrics: Any) -> list[Any]:
    return [job(n, {"model.init": n}, metrics={**METRICS, **metrics}) for n in range(2)]


@pytest.mark.parametrize(
    ("asked", "name", "sign"),
    [
        ("monitor", "best/val/accuracy", 1),
        ("val/accuracy", "best/val/accuracy", 1),
        ("best/val/accuracy", "best/val/accuracy", 1),
        ("val/loss", "best/val/loss", -1),
        ("test/accuracy", "test/accuracy", 1),
        ("test/rmse", "test/rmse", -1),
        ("seconds/fit", "seconds/fit", -1),
    ],
)
def test_a_metric_is_found_by_its_name(asked: str, name: str, sign: int) -> None:
    assert metric_of(sweep(jobs()), settings_of(jobs()), asked, None) == Metric(name, sign)


def test_the_way_of_a_metric_of_ones_own_is_asked_for() -> None:
    made = jobs(**{"test/mine": 0.5})
    with pytest.raises(ValueError, match=r"monitor_mode must be max or min for compare.metric=test/mine"):
        metric_of(sweep(made), settings_of(made), "test/mine", None)
    assert metric_of(sweep(made), settings_of(made), "test/mine", "min").sign == -1
    assert metric_of(sweep(made, "val/mine"), settings_of(made), "test/mine", None).sign == 1  # the monitor's


def test_an_unknown_metric_and_one_that_some_lack_are_refused_with_those_that_all_have() -> None:
    made = jobs()
    del made[1].metrics["test/rmse"]
    for asked in ("val/acuracy", "test/rmse", "status"):
        with pytest.raises(
            ValueError, match=r"compare.metric must be .*one of best/val/accuracy, best/val/loss, .*got"
        ):
            metric_of(sweep(made), settings_of(made), asked, None)


def test_jobs_without_a_metric_in_common_are_refused() -> None:
    made = [job(0, {"model.init": 0}, metrics={"val/a": 0.1}), job(1, {"model.init": 1}, metrics={"val/b": 0.1})]
    with pytest.raises(ValueError, match=r"compare.folders must have a metric in common; got none"):
        metric_of(sweep(made), settings_of(made), "val/a", None)
    lost = [job(n, {"model.init": n}, status="failed") for n in range(2)]
    with pytest.raises(ValueError, match=r"compare.folders must hold jobs that completed; got none"):
        metric_of(sweep(lost), settings_of(lost), "monitor", None)
    made[1].metrics["monitor"] = "val/loss"
    with pytest.raises(
        ValueError, match=r"compare.metric must be named .*got monitor, which is val/accuracy, val/loss"
    ):
        metric_of(sweep(made), settings_of(made), "monitor", None)


def test_a_step_is_one_sample_of_a_share_and_the_resolution_of_a_loss() -> None:
    settings = settings_of(jobs())
    assert Metric("best/val/accuracy", 1).grain(settings) == 1 / 200
    assert Metric("test/accuracy", 1).grain(settings) == 1 / 359
    assert Metric("best/val/loss", -1).grain(settings) == pytest.approx(0.3 * 2**-23)
    assert Metric("seconds/fit", -1).grain(settings) == pytest.approx(1.5 * 2**-23)


def test_a_diverged_job_has_no_score() -> None:
    made = job(0, {}, status="diverged", metrics=METRICS)
    assert Metric("test/accuracy", 1).of(made) is None
