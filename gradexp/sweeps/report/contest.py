"""The final runs of a benchmark: settings chosen on the grid, at fresh seeds."""

from dataclasses import dataclass

from gradexp.sweeps.report.ranking import Setting, mean_of, ranking, sign, spread_of
from gradexp.sweeps.report.results import SweepResults


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
    """

    setting: Setting
    chosen_by: float | None
    mean: float | None
    spread: float | None
    reached: int
    epochs: float | None
    seconds: float | None


def contest(results: SweepResults) -> list[Contestant]:
    """The final runs, best mean of the test metric first; empty for a sweep without final runs."""
    grid = {setting.label: setting for setting in ranking(results)}
    names = ("test/" + results.monitor.partition("/")[2], "epochs/to_target", "seconds/to_target")
    rows = []
    for setting in ranking(results, "final"):
        test, epochs, seconds = ([job.metrics[n] for job in setting.jobs if n in job.metrics] for n in names)
        chosen_by = grid[setting.label].mean if setting.label in grid else None
        target = len(epochs), mean_of(epochs), mean_of(seconds)
        rows.append(Contestant(setting, chosen_by, mean_of(test), spread_of(test), *target))
    return sorted(rows, key=lambda row: float("inf") if row.mean is None else -sign(results) * row.mean)
