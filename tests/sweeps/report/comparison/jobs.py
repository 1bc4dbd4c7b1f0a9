"""Jobs as they are read from disk, without a disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradexp.sweeps.report.comparison.settings import RunSetting, settings_of
from gradexp.sweeps.report.results import Job, SweepResults

LOST = {"status": "diverged", "reason": "at step 3", "monitor": "val/accuracy"}


def job(number: int, typed: Mapping[str, Any], sweep: str = "sweep", **more: Any) -> Job:
    """A job with these settings, typed and in its configuration; `metrics` are added to those of a completed job."""
    config = {"data._target_": "gradexp.data.Digits", "optimizer.lr": 0.001, "seed": 0, "name": "made", **typed}
    status = more.pop("status", "completed")
    metrics = {"status": status, "monitor": "val/accuracy", "monitor_mode": "max", "classes": 10, "samples/val": 200}
    metrics |= {"samples/test": 359, **more.pop("metrics", {})}
    overrides = [f"{key}={value}" for key, value in typed.items()]
    config |= more.pop("config", {})
    return Job(Path(sweep, str(number)), "grid", status, more.pop("settings", dict(typed)), overrides, config, metrics)


def settings(scores: Mapping[str, Sequence[float]], metric: str = "best/val/accuracy") -> list[RunSetting]:
    """One setting for each value of model.init, with these scores at seeds 0, 1, 2, and so on."""
    jobs: list[Job] = []
    for name, values in scores.items():
        for seed, score in enumerate(values):
            jobs.append(job(len(jobs), {"model.init": name, "seed": seed}, metrics={metric: score}))
    return settings_of(jobs)


def sweep(jobs: Sequence[Job], monitor: str = "val/accuracy") -> SweepResults:
    return SweepResults(Path("sweep"), "made", monitor, [], list(jobs), "max")
