"""Scores over the two penalties, L1 and L2."""

from dataclasses import dataclass

from gradexp.sweeps.report.bands import Band, band
from gradexp.sweeps.report.best import best_of
from gradexp.sweeps.report.ranking import TWO, Setting, best_by, in_order
from gradexp.sweeps.report.results import SweepResults


@dataclass(frozen=True)
class Grid:
    """Scores over two penalties; None where no job completed.

    Attributes:
        l1: Values, ascending: the rows.
        l2: Values, ascending: the columns.
        scores: [l1, l2]: means over the seeds of the best setting.
        band: The bands of these means [l1 * l2], row by row.
        best: The setting with the best mean, its l1 and l2; None without scores.
        beside: Pairs (l1, l2) that are not told from the best by their seeds, best first; empty without verdicts.
    """

    l1: list[float]
    l2: list[float]
    scores: list[list[float | None]]
    band: Band
    best: tuple[Setting, float, float] | None
    beside: list[tuple[float, float]]

    @property
    def is_map(self) -> bool:
        """Whether both penalties vary: a single row or column is no map."""
        return len(self.l1) >= TWO and len(self.l2) >= TWO

    def varying(self, l1: float, l2: float) -> list[str]:
        """The penalties of a pair by name, without one that is the same in all jobs."""
        named = (("l1", self.l1, l1), ("l2", self.l2, l2))
        return [f"{name} {value:g}" for name, values, value in named if len(values) >= TWO]


def penalties(results: SweepResults) -> Grid | None:
    """None where neither penalty varies; a single row or column where one does."""
    cells = best_by(results, lambda job: (float(job.config["regularizer.l1"]), float(job.config["regularizer.l2"])))
    l1, l2 = sorted({key[0] for key in cells}), sorted({key[1] for key in cells})
    if len(l1) < TWO and len(l2) < TWO:
        return None
    scored = {key: setting for key, setting in sorted(cells.items()) if setting.scores}
    pair_of = {id(setting): key for key, setting in scored.items()}
    best = best_of(results, in_order(results, scored.values()))
    return Grid(
        l1,
        l2,
        [[scored[row, column].mean if (row, column) in scored else None for column in l2] for row in l1],
        band(
            [scored[row, column].scores if (row, column) in scored else [] for row in l1 for column in l2],
            max((setting.shared for setting in scored.values()), default=0.0),
        ),
        (best.setting, *pair_of[id(best.setting)]) if best else None,
        [pair_of[id(setting)] for setting in best.beside] if best and best.is_judged else [],
    )
