"""The final runs of a benchmark: settings chosen on the grid, at fresh seeds."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.ranking import Setting, mean_of, ranking, sign, spread_of
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.scores.board import DEFAULT, MOST, TUNED, ranks_of
from gradexp.sweeps.report.scores.costs import Costs, costs
from gradexp.verdicts.ranks import in_words


@dataclass(frozen=True)
class Contestant:
    """A row of the benchmark protocol: a setting chosen on the grid, and its results at fresh seeds.

    Attributes:
        setting: The best setting of its kind, with its final runs.
        chosen_by: Its score on the grid.
        mean: Mean of the test metric over the fresh seeds; None without one.
        spread: Its standard deviation; None for fewer than two.
        reached: How many seeds reached the target.
        epochs: Mean epochs until the target, of those seeds.
        seconds: Mean seconds of fitting until the target, likewise.
        rate: "tuned", "default", or "tuned, default" where the default is the best; empty if the grid has no default.
        ranks: By the monitored metric at the fresh seeds; two that cannot be told apart share one. Empty without
            verdicts.
        costs: What a step takes.
    """

    setting: Setting
    chosen_by: float | None
    mean: float | None
    spread: float | None
    reached: int
    epochs: float | None
    seconds: float | None
    rate: str
    ranks: tuple[int, ...]
    costs: Costs

    @property
    def rank(self) -> str:
        """The ranks, as they are shown."""
        return in_words(self.ranks)


def contest(results: SweepResults, comparison: Comparison | None) -> list[Contestant]:
    """The final runs, best mean of the test metric first; empty for a sweep without final runs.

    Args:
        results: The sweep.
        comparison: The verdicts on its final runs; None without any.
    """
    ranks: dict[Path, tuple[int, ...]] = {}
    if comparison is not None and comparison.is_judged and len(comparison.settings) <= MOST:
        for one, own in zip(comparison.settings, ranks_of(comparison), strict=True):
            ranks |= {job.folder: own for job in one.setting.jobs.values()}
    grid = {setting.label: setting for setting in ranking(results)}
    names = ("test/" + results.monitor.partition("/")[2], "epochs/to_target", "seconds/to_target")
    rows = []
    finals = ranking(results, "final")
    entrants = Counter(setting.jobs[0].entrant for setting in finals)
    has_defaults = any(setting.jobs[0].is_default for setting in finals)
    for setting in finals:
        first = setting.jobs[0]
        rate = (DEFAULT if first.is_default else TUNED) if has_defaults else ""
        if first.is_default and entrants[first.entrant] == 1:
            rate = f"{TUNED}, {DEFAULT}"
        own = next((ranks[job.folder] for job in setting.jobs if job.folder in ranks), ())
        test, epochs, seconds = ([job.metrics[n] for job in setting.jobs if n in job.metrics] for n in names)
        chosen_by = grid[setting.label].mean if setting.label in grid else None
        target = len(epochs), mean_of(epochs), mean_of(seconds)
        rows.append(
            Contestant(setting, chosen_by, mean_of(test), spread_of(test), *target, rate, own, costs(setting.jobs))
        )
    return sorted(rows, key=lambda row: float("inf") if row.mean is None else -sign(results) * row.mean)
