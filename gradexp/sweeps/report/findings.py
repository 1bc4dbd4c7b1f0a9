"""What a sweep has found, as numbers: the report's figures and words are made of these."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, quantiles, stdev
from typing import Any

from gradexp.objective import monitor
from gradexp.sweeps.report.results import Job, SweepResults


@dataclass(frozen=True)
class Setting:
    """The jobs that differ by their seed alone.

    Attributes:
        told: The setting, as it would be typed.
        jobs: All of them, whatever became of them.
        scores: Of those that completed.
        diverged: How many diverged.
        lost: How many diverged or failed.
    """

    told: str
    jobs: list[Job]
    scores: list[float]
    diverged: int
    lost: int

    @property
    def mean(self) -> float:
        return fmean(self.scores)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None of a single one."""
        return stdev(self.scores) if len(self.scores) > 1 else None


def sign(results: SweepResults) -> int:
    """1 where more of the monitor is better, else -1."""
    return monitor.sign(results.monitor_mode)


def shown_range(results: SweepResults) -> tuple[float, float]:
    """The scores that figures make room for, low and high.

    All of the grid's, but for those on the bad side of Tukey's fence, one and a half quartile distances beyond the
    quartile: a few of them would squeeze the rest into a line.
    """
    scores = [score for _, score in results.scored()]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if len(scores) > 1:
        first, _, third = quantiles(scores, n=4, method="inclusive")
        reach = 1.5 * (third - first)
        low, high = (max(low, first - reach), high) if sign(results) > 0 else (low, min(high, third + reach))
    room = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    return low - room, high + room


def ranking(results: SweepResults, stage: str = "grid") -> list[Setting]:
    """The settings, best mean first; but the more seeds diverged or failed, the later a setting comes."""
    return _ranked(results, [job for job in results.jobs if job.stage == stage])


def best_by(results: SweepResults, key: Callable[[Job], Any]) -> dict[Any, Setting]:
    """For each value of `key` over the grid, the best setting that has it; one without a score where all diverged."""
    groups: dict[Any, list[Job]] = defaultdict(list)
    for job in results.jobs:
        if job.stage == "grid" and job.status in ("completed", "diverged") and job.config:
            groups[key(job)].append(job)
    return {value: _ranked(results, jobs, keep_scoreless=True)[0] for value, jobs in groups.items()}


def _ranked(results: SweepResults, jobs: list[Job], keep_scoreless: bool = False) -> list[Setting]:
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.setting].append(job)
    settings = []
    for told, members in groups.items():
        scores = [score for score in map(results.score, members) if score is not None]
        statuses = Counter(job.status for job in members)
        settings.append(Setting(told, members, scores, statuses["diverged"], statuses["diverged"] + statuses["failed"]))
    with_scores = [setting for setting in settings if setting.scores]
    ordered = sorted(with_scores, key=lambda setting: (setting.lost, -sign(results) * setting.mean))
    return ordered + [setting for setting in settings if keep_scoreless and not setting.scores]


@dataclass(frozen=True)
class Sensitivity:
    """How the score of one optimizer depends on its learning rate; rates ascend.

    Attributes:
        rates: Those with a score.
        means: Over the seeds, of the best setting at that rate.
        spreads: Standard deviations over the seeds; 0 of a single one.
        diverged: Rates at which a seed diverged.
    """

    rates: list[float]
    means: list[float]
    spreads: list[float]
    diverged: list[float]


def learning_rates(results: SweepResults) -> dict[str, Sensitivity]:
    """By optimizer; nothing where the grid has but one learning rate for each."""
    found: dict[str, dict[float, Setting]] = defaultdict(dict)
    for (optimizer, rate), setting in best_by(
        results, lambda job: (_optimizer(job), job.config.get("optimizer.lr"))
    ).items():
        if rate is not None:  # else the class's own, which no configuration says
            found[optimizer][float(rate)] = setting
    if all(len(by_rate) < 2 for by_rate in found.values()):
        return {}
    return {optimizer: _sensitivity(dict(sorted(by_rate.items()))) for optimizer, by_rate in found.items()}


def _sensitivity(by_rate: dict[float, Setting]) -> Sensitivity:
    scored = {rate: setting for rate, setting in by_rate.items() if setting.scores}
    return Sensitivity(
        list(scored),
        [setting.mean for setting in scored.values()],
        [setting.spread or 0.0 for setting in scored.values()],
        [rate for rate, setting in by_rate.items() if setting.diverged],
    )


def _optimizer(job: Job) -> str:
    """The option that was typed, which tells momentum from plain SGD, or the class."""
    return str(
        job.settings["optimizer"]
        if "optimizer" in job.settings
        else str(job.config["optimizer._target_"]).rpartition(".")[2]
    )


@dataclass(frozen=True)
class Grid:
    """Scores over two penalties; None where no job completed.

    Attributes:
        l1: Values, ascending: the rows.
        l2: Values, ascending: the columns.
        scores: [l1, l2]: means over the seeds of the best setting.
    """

    l1: list[float]
    l2: list[float]
    scores: list[list[float | None]]


def penalties(results: SweepResults) -> Grid | None:
    """None where both penalties stayed the same; where one did, a row or a column."""
    cells = best_by(results, lambda job: (float(job.config["regularizer.l1"]), float(job.config["regularizer.l2"])))
    l1, l2 = sorted({key[0] for key in cells}), sorted({key[1] for key in cells})
    if len(l1) < 2 and len(l2) < 2:
        return None

    def score(row: float, column: float) -> float | None:
        setting = cells.get((row, column))
        return setting.mean if setting is not None and setting.scores else None

    return Grid(l1, l2, [[score(row, column) for column in l2] for row in l1])


def pareto_front(results: SweepResults) -> list[tuple[Job, float]]:
    """The jobs than which none is both faster and better, the fastest first."""
    timed = [(job, score) for job, score in results.scored() if job.seconds is not None]
    front: list[tuple[Job, float]] = []
    for job, score in sorted(timed, key=lambda pair: (pair[0].seconds or 0.0, -sign(results) * pair[1])):
        if not front or sign(results) * score > sign(results) * front[-1][1]:
            front.append((job, score))
    return front


def best_and_median(results: SweepResults) -> list[tuple[str, Job]]:
    """The best job and the median one (the lower of two) of the grid, with what they are called."""
    ordered = sorted(results.scored(), key=lambda pair: -sign(results) * pair[1])
    if not ordered:
        return []
    chosen = [("best", ordered[0][0])]
    return [*chosen, ("median", ordered[len(ordered) // 2][0])] if len(ordered) > 2 else chosen


@dataclass(frozen=True)
class Contestant:
    """A row of the benchmark protocol: what was chosen on the grid, and how it did at fresh seeds.

    Attributes:
        setting: The winner of its kind.
        chosen_by: Its score on the grid.
        test: The test metric at each fresh seed.
        epochs: Epochs until the target, of the seeds that reached it.
        seconds: Seconds of fitting until the target, likewise.
    """

    setting: Setting
    chosen_by: float | None
    test: list[float]
    epochs: list[float]
    seconds: list[float]


def contest(results: SweepResults) -> list[Contestant]:
    """The final runs, best mean of the test metric first; nothing where the sweep has none."""
    grid = {setting.told: setting for setting in ranking(results)}
    metric = "test/" + results.monitor.partition("/")[2]
    rows = []
    for setting in ranking(results, "final"):
        values = {
            name: [job.metrics[name] for job in setting.jobs if name in job.metrics]
            for name in (metric, "epochs/to_target", "seconds/to_target")
        }
        chosen_by = grid[setting.told].mean if setting.told in grid else None
        rows.append(Contestant(setting, chosen_by, *values.values()))
    return sorted(rows, key=lambda row: -sign(results) * fmean(row.test) if row.test else float("inf"))
