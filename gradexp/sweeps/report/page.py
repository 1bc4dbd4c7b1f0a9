"""report.html: one file that needs nothing else, and takes no word of a sweep for markup."""

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from gradexp.files import write_atomically
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.report import plots
from gradexp.sweeps.report.findings import Contestant, contest, ranking
from gradexp.sweeps.report.results import Job, SweepResults

BEST = 10  # settings shown at the top


@dataclass(frozen=True)
class Panel:
    """A figure of the page, or why there is none."""

    key: str
    title: str
    words: str
    figure: go.Figure | None
    absent: str


def write_page(results: SweepResults, lines: Sequence[str], pictures: Mapping[str, Path]) -> Path:
    """Write ``report.html`` into the sweep's folder, atomically.

    Args:
        results: The sweep.
        lines: What its study comes to.
        pictures: The study's figures, as PNG, by name.
    """
    comparable = results.comparable
    panels = _panels(comparable)
    columns, rows = _table(results)
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            command=shlex.join(results.command),
            statuses={
                s: sum(job.status == s for job in results.jobs) for s in dict.fromkeys(j.status for j in results.jobs)
            },
            best=ranking(comparable)[:BEST],
            contest=[_contestant(row) for row in contest(comparable)],
            test_metric="test/" + results.monitor.partition("/")[2],
            lines=lines,
            pictures={
                tag.replace("_", " "): base64.b64encode(path.read_bytes()).decode() for tag, path in pictures.items()
            },
            panels=panels,
            figures=_script({panel.key: panel.figure.to_plotly_json() for panel in panels if panel.figure}),
            table=_script({"columns": columns, "rows": rows}),
            failures=[job for job in results.jobs if job.status in ("failed", "diverged")],
            reproduce=_reproduce(comparable),
            is_ranked=len(comparable.jobs) == len(results.jobs),
            plotly=Markup(get_plotlyjs()),  # the library itself, not a word of the sweep
        )
    )
    path = results.folder / "report.html"
    write_atomically(path, page.encode())
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gradexp.sweeps.report", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["number"] = number
    return environment


def number(value: Any) -> str:
    """A number short enough to read; anything else as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _script(content: Any) -> Markup:
    """JSON that can stand inside a script element: nothing in it ends the element."""
    plain = json.dumps(content, default=_listed)
    for sign in "<>&":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(plain)  # escaped just above


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _panels(results: SweepResults) -> list[Panel]:
    few = "fewer than two jobs have completed"
    return [
        Panel(
            "learning_rate",
            "Learning rate",
            "The best setting at each rate; mean and standard deviation over its seeds. A cross at the edge is a rate "
            "at which a job diverged. A few far worse scores are left outside: a double click shows all.",
            plots.learning_rate_plot(results),
            "no optimizer has more than one learning rate",
        ),
        Panel(
            "penalties",
            "L1 and L2",
            "The best setting at each pair; mean over its seeds.",
            plots.penalty_plot(results),
            "neither of the two varies",
        ),
        Panel(
            "coordinates",
            "All settings",
            "A line a job through its settings to its score on the right; green is good.",
            plots.coordinates_plot(results),
            few,
        ),
        Panel(
            "curves",
            "Learning curves",
            "The best job and the median one; dotted: the training loss, on the right.",
            plots.curves_plot(results),
            "no job has logged any",
        ),
        Panel(
            "time",
            "Time against score",
            "A point a job. No job is both faster and better than one on the line.",
            plots.time_plot(results),
            few,
        ),
        Panel(
            "importance",
            "What matters",
            "The share of the score's variance over the completed jobs that each axis explains by itself (eta "
            "squared). What is left to 100 % is the interaction of axes. Jobs that diverged have no score here.",
            plots.importance_plot(results),
            "no axis has values that several jobs share, with scores that differ",
        ),
    ]


def _table(results: SweepResults) -> tuple[list[str], list[list[Any]]]:
    """What the table of all jobs shows: not the whole configuration, which sweep.csv has."""
    skipped = ("status", "reason", "monitor", "config_hash", "asked_hash", "data", "seed")
    metrics = list(dict.fromkeys(k for job in results.jobs for k in job.metrics if k not in skipped))
    metrics.sort(key=lambda name: (name != results.monitor, not name.startswith(("val/", "test/", "seconds/fit"))))
    columns = ["job", "status", *results.axes, *metrics, "reason"]

    def row(job: Job) -> list[Any]:
        own = {"job": int(job.folder.name) if job.folder.name.isdigit() else job.folder.name, "status": job.status}
        cells = job.metrics | {k: v if isinstance(v, int | float) else text(v) for k, v in job.settings.items()} | own
        return [cells.get(column) for column in columns]

    return columns, [row(job) for job in results.jobs]


def _contestant(row: Contestant) -> dict[str, Any]:
    return {
        "told": row.setting.told,
        "chosen_by": row.chosen_by,
        "n": len(row.setting.jobs),
        "mean": fmean(row.test) if row.test else None,
        "spread": stdev(row.test) if len(row.test) > 1 else None,
        "epochs": fmean(row.epochs) if row.epochs else None,
        "seconds": fmean(row.seconds) if row.seconds else None,
        "reached": len(row.epochs),
    }


def _reproduce(results: SweepResults) -> dict[str, str] | None:
    """The commands for the best job."""
    best = ranking(results)
    if not best:
        return None
    job = max(best[0].jobs, key=lambda job: results.score(job) is not None)
    checkpoint = job.folder / "checkpoints" / "best.ckpt"
    return {
        "job": job.folder.name,
        "run": "python -m gradexp " + shlex.join(job.overrides),
        "test": "python -m gradexp " + shlex.join(["task=test", f"ckpt_path={checkpoint}"]),
    }
