"""A sweep in Python: its table, its best setting, verdicts and curves, as the report has them."""

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from gradexp.configuration.key_rules import KEY_RULES
from gradexp.configuration.key_rules import baseline as parsed
from gradexp.files import user_path
from gradexp.reports.curves import curves, scalars
from gradexp.rules import check, did_you_mean
from gradexp.sweeps.plan.manifest import check_is_sweep
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.files import rows_of_pairs
from gradexp.sweeps.report.comparison.of_folders import compared_folders
from gradexp.sweeps.report.comparison.table import print_comparison
from gradexp.sweeps.report.printed_table import WIDEST
from gradexp.sweeps.report.ranking import Setting, ranking
from gradexp.sweeps.report.results import SweepResults, read_sweep, rows_of
from gradexp.untrusted import LIMIT, check_stays_inside, whole_records


class Verdicts(Comparison):
    """A comparison of settings; printed, it is what `task=compare` prints."""

    @cached_property
    def table(self) -> pl.DataFrame:
        """The rows of compare.csv: a, b, metric, n, difference, low, high, p, p_holm, verdict, and so on."""
        return _frame(rows_of_pairs(self))

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=WIDEST, force_terminal=False, force_jupyter=False)
        print_comparison(self, console)
        return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


@dataclass(frozen=True, repr=False)
class Sweep:
    """A sweep, as it was on disk when it was read.

    Attributes:
        results: Its jobs, with their settings, configurations and metrics.
    """

    results: SweepResults

    @property
    def folder(self) -> Path:
        """The sweep's folder, with report.html and the folders of the jobs."""
        return self.results.folder

    @cached_property
    def table(self) -> pl.DataFrame:
        """What sweep.csv has: one row a job, failed and diverged ones too; settings, metrics, configuration.

        `table.to_pandas()` needs pandas and pyarrow, `uv sync --extra pandas` in a checkout. A column of numbers and
        text is text.
        """
        return _frame(rows_of(self.results))

    @property
    def best(self) -> Setting:
        """The setting that the report calls best: label, jobs, scores, mean and standard deviation over the seeds.

        Of a search with other objectives than `monitor` it is the best by `monitor` alone.

        Raises:
            ValueError: No job has a score, or the jobs are of several data sets, whose scores have no order.
        """
        with whole_records(f"best must be of a sweep whose records are whole; {self.folder} is none"):
            found = ranking(self.results.comparable)
        if not found:
            reason = "no job with a score" if self.results.is_comparable else "jobs of several data sets"
            raise ValueError(f"best must be of a sweep whose scores can be ranked; got {reason} in {self.folder}.")
        return found[0]

    def compare(
        self,
        *folders: str | Path,
        baseline: str | Mapping[str, Any] | None = None,
        metric: str = "monitor",
        delta: float | None = None,
        monitor_mode: str | None = None,
    ) -> Verdicts:
        """Which settings are better than others by more than the noise of seeds, as `task=compare` judges.

        Args:
            folders: Further multiruns and runs, whose settings are compared with those of this sweep.
            baseline: The setting that the others are compared with, "optimizer=sgd,optimizer.lr=0.1" or
                {"optimizer": "sgd"}; None for the best found.
            metric: A metric that the jobs have, such as "val/loss" or "test/accuracy"; "monitor" is that of best.ckpt.
            delta: Differences up to this count as none; None for one standard deviation over seeds.
            monitor_mode: "max" or "min", where the metric does not say which way it is better.

        Raises:
            ValueError: A folder holds no jobs, they have no metric in common, there is one seed each, or the baseline
                is none of the settings, or several.
        """
        given = {"compare.baseline": baseline, "compare.metric": metric, "compare.delta": delta}
        for key, value in (given | {"monitor_mode": monitor_mode}).items():
            check(key, value, KEY_RULES[key])
        names = list(map(str, (self.folder, *folders)))
        found = compared_folders(names, parsed(baseline), metric, delta, monitor_mode)
        return Verdicts(**vars(found))

    def curves(self, metric: str) -> pl.DataFrame:
        """The learning curves of a scalar, such as "val/loss": columns job, one for each axis, step and value.

        A job has at most 1,000 points; one that has not logged the scalar has none.

        Raises:
            ValueError: No job has logged it.
        """
        rows: list[dict[str, Any]] = []
        for job in self.results.jobs:
            own = {"job": job.folder.name, **{key: job.settings.get(key) for key in self.results.axes}}
            for steps, values in curves(job.folder, [metric]).values():
                rows += ({**own, "step": step, "value": value} for step, value in zip(steps, values, strict=True))
        if not rows:
            known = sorted({name for job in self.results.jobs for name in scalars(job.folder)})
            raise ValueError(
                f"metric must be a scalar that the jobs have logged, one of {', '.join(known) or 'none'}; got {metric}."
                f"{did_you_mean(metric, known)}"
            )
        return _frame(rows)

    def __repr__(self) -> str:
        counts = Counter(job.status for job in self.results.jobs)
        found = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"Sweep({str(self.folder)!r}, {found})"


def load_sweep(folder: str | Path) -> Sweep:
    """Read a sweep, finished or not, of which nothing is changed or run.

    >>> load_sweep("outputs/sweeps/digits/2026-11-23_08-12-05-qady").table  # doctest: +SKIP

    Args:
        folder: The folder of a multirun.

    Raises:
        ValueError: The folder holds no sweep, a damaged one, or a link that leads out of it.
    """
    path = user_path(str(folder)).absolute()
    check_is_sweep(path, "folder")
    check_stays_inside(path)
    return Sweep(read_sweep(path, "folder"))


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows with the same columns as a frame, each column of one type."""
    columns = rows[0] if rows else ()
    return pl.DataFrame([pl.Series(name, _of_one_type([row[name] for row in rows])) for name in columns])


def _of_one_type(values: Iterable[Any]) -> list[Any]:
    """The values as numbers, if all are, or as truth values; else all of them as text."""
    column = list(values)
    kinds = {type(value) for value in column if value is not None}
    is_large = any(isinstance(value, int) and abs(value) >= LIMIT for value in column)
    if kinds == {int, float} and not is_large:
        return [None if value is None else float(value) for value in column]
    if kinds in ({int}, {float}, {bool}, {str}, set()) and not is_large:
        return column
    return [None if value is None else str(value) for value in column]
