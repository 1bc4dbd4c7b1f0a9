"""The settings of a sweep in order, each over its seeds."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, quantiles, stdev
from typing import Any

from gradexp.objective import monitor
from gradexp.sweeps.plan.repeats import FOLDS, Repeat, Unit, by_split, units_of
from gradexp.sweeps.report.comparison.pair import JUDGED
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.verdicts.folds import shared_variance

BOUNDS = {"accuracy": (0.0, 1.0), "r2": (float("-inf"), 1.0)}  # of our metrics, by the last part of their names
TWO = 2  # values that an axis or a figure needs at least


@dataclass(frozen=True)
class Setting:
    """The jobs that differ by seed and fold alone.

    Attributes:
        label: The setting, as it would be typed.
        jobs: All of them, with any status.
        scores: The scores of those that completed, where they are folds the means over the seeds of each.
        diverged: How many diverged.
        lost: How many diverged or failed.
        unit: What the scores are counted by.
    """

    label: str
    jobs: list[Job] = field(repr=False)
    scores: list[float]
    diverged: int
    lost: int
    unit: Unit = "seed"

    @property
    def mean(self) -> float:
        return fmean(self.scores)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the scores; None for a single one."""
        return spread_of(self.scores)

    @property
    def shared(self) -> float:
        """The part of the variance of the mean, over the squared spread, that folds have in common; 0 for seeds."""
        return shared_variance(self.jobs[0].config.get(FOLDS) if self.unit != "seed" else None)

    @property
    def seconds(self) -> float | None:
        """Mean seconds of fitting; None if no job has any."""
        return mean_of([job.seconds for job in self.jobs if job.seconds is not None])


def mean_of(values: list[float]) -> float | None:
    """None without values."""
    return fmean(values) if values else None


def spread_of(values: list[float]) -> float | None:
    """Standard deviation; None for fewer than two values."""
    return stdev(values) if len(values) > 1 else None


def sign(results: SweepResults) -> int:
    """1 where a higher score is better, else -1."""
    return monitor.sign(results.monitor_mode)


def shown_range(results: SweepResults) -> tuple[float, float]:
    """The scores that figures make room for, low and high.

    All scores of the grid, except those beyond Tukey's fence on the bad side (1.5 quartile distances beyond the
    quartile): a few of them would squeeze the rest into a line. An accuracy ends at 1.
    """
    scores = [score for _, score in results.scored()]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if len(scores) > 1:
        first, _, third = quantiles(scores, n=4, method="inclusive")
        reach = 1.5 * (third - first)
        low, high = (max(low, first - reach), high) if sign(results) > 0 else (low, min(high, third + reach))
    margin = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    least, most = bounds(results.monitor)
    return max(low - margin, least), min(high + margin, most)


def bounds(metric: str) -> tuple[float, float]:
    """The least and the largest value that a metric can have, infinite where they are unknown."""
    return BOUNDS.get(metric.rpartition("/")[2], (float("-inf"), float("inf")))


def ranking(results: SweepResults, stage: str = "grid") -> list[Setting]:
    """The settings with a score, best mean first.

    Settings with too few seeds for a verdict come after those with enough, those with fewer diverged or failed seeds
    first: the mean of what is left of a setting may be one lucky job.
    """
    jobs = [job for job in results.jobs if job.stage == stage]
    return [one for one in _ranked(results, jobs, _units(results, stage)) if one.scores]


def best_by(results: SweepResults, key: Callable[[Job], Any]) -> dict[Any, Setting]:
    """For each value of `key` over the grid, its best setting; one without a score where all its jobs diverged."""
    groups: dict[Any, list[Job]] = defaultdict(list)
    for job in results.jobs:
        if job.stage == "grid" and job.status in ("completed", "diverged") and job.config:
            groups[key(job)].append(job)
    units = _units(results, "grid")
    return {value: _ranked(results, jobs, units)[0] for value, jobs in groups.items()}


def best_and_median(ranked: list[Setting]) -> list[tuple[str, Setting]]:
    """The best setting and the median one (the lower of two) of a ranking, with these names."""
    if not ranked:
        return []
    best = ("best", ranked[0])
    return [best, ("median", ranked[len(ranked) // 2])] if len(ranked) > TWO else [best]


def enough_seeds(settings: Iterable[Setting]) -> int:
    """How many seeds a setting needs to be the best of several: three, or as many as any of them has."""
    return min(JUDGED, max((len(setting.scores) for setting in settings), default=0))


def in_order(results: SweepResults, settings: Iterable[Setting]) -> list[Setting]:
    """Settings as `ranking` orders them; those without a score come last."""
    found = list(settings)
    enough = enough_seeds(found)

    def place(setting: Setting) -> tuple[bool, int, float]:
        is_short = len(setting.scores) < enough
        return is_short, setting.lost if is_short else 0, -sign(results) * setting.mean

    ordered = sorted((setting for setting in found if setting.scores), key=place)
    return ordered + [setting for setting in found if not setting.scores]


def _units(results: SweepResults, stage: str) -> dict[str, Unit]:
    """What each setting with a score is counted by, as a comparison of all of them counts."""
    repeats: dict[str, list[Repeat]] = defaultdict(list)
    for job, _ in results.scored(stage):
        repeats[job.setting].append(job.repeat)
    return dict(zip(repeats, units_of(repeats.values()), strict=True))


def _ranked(results: SweepResults, jobs: list[Job], units: Mapping[str, Unit]) -> list[Setting]:
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.setting].append(job)
    settings = []
    for label, members in groups.items():
        scored = [(job.repeat, score) for job in members if (score := results.score(job)) is not None]
        unit = units.get(label, "seed")
        scores = [score for _, score in scored] if unit == "seed" else list(by_split(dict(scored)).values())
        count = Counter(job.status for job in members)
        settings.append(Setting(label, members, scores, count["diverged"], count["diverged"] + count["failed"], unit))
    return in_order(results, settings)
