"""The metric that settings are compared by: its name in metrics.json, which way it is better, its step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradexp.objective import monitor
from gradexp.rules import did_you_mean
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.repeats import Repeat
from gradexp.sweeps.report.comparison.settings import RunSetting
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.verdicts.difference import grain

CONTINUOUS = ("loss", "penalty", "objective", "mse", "rmse", "r2", "error")  # not shares of the samples
LESS_IS_BETTER = ("rmse", "seconds", "epochs")
LARGEST = float(np.finfo(np.float32).max)
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Metric:
    """A metric of jobs.

    Attributes:
        name: As in metrics.json, such as "best/val/accuracy".
        sign: 1 where higher is better, else -1.
    """

    name: str
    sign: int

    @property
    def is_of_test(self) -> bool:
        """Whether it is of the test part, which is the same for all seeds: only runs of other parts are paired."""
        return self.name.startswith(("test/", "test_"))

    def scores(self, setting: RunSetting) -> dict[Repeat, float]:
        """The scores of the jobs that completed, by seed and fold."""
        found = {repeat: self.of(job) for repeat, job in setting.jobs.items()}
        return {repeat: score for repeat, score in found.items() if score is not None}

    def of(self, job: Job) -> float | None:
        """The score of a job; None if it did not complete or did not measure it.

        A number beyond single precision, which metrics have, is none that a run measured: its square has no bounds.
        """
        value = job.metrics.get(self.name) if job.status == "completed" else None
        if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > LARGEST:
            return None
        return float(value)

    def grain(self, settings: Sequence[RunSetting]) -> float:
        """The score's step: one sample of the part that it is measured on, the largest over the jobs."""
        jobs = [job for setting in settings for job in setting.jobs.values()]
        part = next((part for part in PARTS if part in self.name.split("/")), "")
        sizes = [job.metrics.get(f"samples/{part}") for job in jobs if "classes" in job.metrics]
        is_share = self.name.rpartition("/")[2] not in CONTINUOUS and part
        samples = min((int(size) for size in sizes if size and size >= 1), default=None) if is_share else None
        return grain([score for setting in settings for score in self.scores(setting).values()], samples)


def metric_of(results: SweepResults, settings: Sequence[RunSetting], asked: str, mode: str | None) -> Metric:
    """The metric asked for.

    Args:
        results: The sweep, whose monitor "monitor" stands for.
        settings: Its settings.
        asked: A name as in metrics.json, "val/loss" for "best/val/loss", or "monitor".
        mode: Which way it is better, "max" or "min", as typed; None if it is known.

    Raises:
        ValueError: No such metric is common to the settings, or it is unknown which way it is better.
    """
    completed = [job for setting in settings for job in setting.jobs.values() if job.status == "completed"]
    if not completed:
        raise ValueError("compare.folders must hold jobs that completed; got none.")
    if asked == "monitor":
        names = {job_folder.score_name(job.metrics | {"monitor": results.monitor}) for job in completed}
        monitors = {str(job.metrics.get("monitor")) for job in completed}
        if len(monitors) > 1:
            found = ", ".join(sorted(monitors))
            raise ValueError(
                f"compare.metric must be named where the jobs monitor several metrics; got monitor, which is {found}."
            )
        name = next(iter(names)) if len(names) == 1 else results.monitor
    else:
        name = asked
        if any(f"best/{asked}" in job.metrics for job in completed):
            name = f"best/{asked}"
    counts: Counter[str] = Counter()
    for setting in settings:
        jobs = [job for job in setting.jobs.values() if job.status == "completed"]
        counts.update({key for job in jobs for key, value in job.metrics.items() if isinstance(value, float)})
    scored = sum(any(job.status == "completed" for job in setting.jobs.values()) for setting in settings)
    common = sorted(key for key, count in counts.items() if count == scored and "/" in key)
    if counts[name] < scored:
        if not common:
            raise ValueError("compare.folders must have a metric in common; got none.")
        raise ValueError(
            f"compare.metric must be a metric that all settings have, one of {', '.join(common)}; got {asked}."
            f"{did_you_mean(asked, common)}"
        )
    return Metric(name, _sign(results, name, mode))


def _sign(results: SweepResults, name: str, mode: str | None) -> int:
    bare = name.removeprefix("best/")
    known = mode
    if known is None and bare == results.monitor and results.monitor_mode is not None:
        known = results.monitor_mode
    last = bare.rpartition("/")[2]
    if known is None:
        known = monitor.OWN.get(last.removeprefix("val_").removeprefix("test_").removeprefix("train_"))
    if known is None and (last in LESS_IS_BETTER or bare.startswith(("seconds/", "epochs/"))):
        known = "min"
    if known is None and last == results.monitor.rpartition("/")[2]:
        known = results.monitor_mode
    if known is None:
        raise ValueError(
            f"monitor_mode must be max or min for compare.metric={bare}, which does not say which way it is better; "
            "got null."
        )
    return 1 if known == "max" else -1
