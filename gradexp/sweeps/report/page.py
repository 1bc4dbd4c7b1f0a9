"""report.html: one file that loads nothing else; all text of the sweep is escaped."""

import base64
import html
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from gradexp.files import finite, write_atomically
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.report import plotly_bands, plotly_figures
from gradexp.sweeps.report.best_words import best_lines
from gradexp.sweeps.report.comparison import table, words
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.matplotlib_figures import COMPARISON
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.scores import table as scores_table

BEST = 10  # settings shown at the top
TEMPLATES = ("hovertemplate", "texttemplate")  # of figures: constants, with markup


class Panel(NamedTuple):
    """A figure of the page, and the message if there is none."""

    key: str
    title: str
    caption: str
    draw: Callable[[Findings], go.Figure | None]
    absent: str


FEW = "fewer than two jobs have completed"
PANELS = (
    Panel(
        "learning_rate",
        "Learning rate",
        "The best setting at each rate; the mean over its seeds, with a band to choose. A cross at the edge marks a "
        "rate at which a job diverged. A few far worse scores are left outside: a double click shows all.",
        plotly_bands.learning_rate,
        "no optimizer has more than one learning rate",
    ),
    Panel(
        "penalties",
        "L1 and L2",
        "The best setting at each pair; the mean over its seeds, with its range.",
        plotly_bands.penalties,
        "neither of the two varies",
    ),
    Panel(
        "coordinates",
        "All settings",
        "One line per job, through its settings to its score on the right; green is good.",
        plotly_figures.coordinates,
        FEW,
    ),
    Panel(
        "curves",
        "Learning curves",
        "The best setting and the median one; dotted: the training loss, on the right. The mean over the seeds, as "
        "long as half of them train, with a band to choose; a click in the legend shows further settings, numbered as "
        "in the table of the best.",
        plotly_bands.curves,
        "no job has logged any",
    ),
    Panel(
        "time",
        "Time against score",
        "One point per setting, means over its seeds. None is both faster and better than one on the line.",
        plotly_figures.time,
        FEW,
    ),
    Panel(
        "importance",
        "What matters",
        "Shares of the score's variance over the completed jobs, 100 % in all: what each axis explains by itself (eta "
        "squared; what several axes explain alike is divided among them), what axes explain only in combination "
        "(interactions), and what differs between the seeds of one setting (noise). With one seed the interactions "
        "contain the noise. Diverged jobs have no score here.",
        plotly_figures.importance,
        "no axis has values that several jobs share, with scores that differ",
    ),
)


def write_page(findings: Findings, lines: Sequence[str], pictures: Mapping[str, Path]) -> Path:
    """Write ``report.html`` into the sweep's folder, atomically.

    Args:
        findings: The sweep's.
        lines: The conclusions of its study.
        pictures: The figures of the study and of the comparison, as PNG, by name.
    """
    results = findings.results
    figures = {panel.key: figure for panel in PANELS if (figure := panel.draw(findings)) is not None}
    columns, rows = _table(results)
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            command=shlex.join(results.command),
            statuses=findings.statuses,
            best=findings.ranking[:BEST],
            unit=findings.unit,
            best_lines=best_lines(findings),
            contest=findings.contest,
            test_metric="test/" + results.monitor.partition("/")[2],
            lines=lines,
            pictures={tag.replace("_", " "): _encoded(path) for tag, path in pictures.items() if tag != COMPARISON},
            compared=_compared(findings, pictures),
            scores=_scores(findings),
            panels=[panel for panel in PANELS if panel.key in figures],
            absent=[panel for panel in PANELS if panel.key not in figures] if findings.is_ranked else [],
            figures=_script({key: escaped(figure.to_plotly_json()) for key, figure in figures.items()}),
            table=_script({"columns": columns, "rows": rows}),
            failures=[job for job in results.jobs if job.status in ("failed", "diverged")],
            reproduce=_reproduce(findings),
            is_ranked=findings.is_ranked,
            plotly=Markup(get_plotlyjs()),  # the library itself, not a word of the sweep
        )
    )
    path = results.folder / "report.html"
    write_atomically(path, page.encode())
    return path


def _encoded(picture: Path) -> str:
    return base64.b64encode(picture.read_bytes()).decode()


def _compared(findings: Findings, pictures: Mapping[str, Path]) -> dict[str, Any] | None:
    """What the section on the noise of seeds shows."""
    found = findings.comparison
    if found is None:
        return None
    picture = _encoded(pictures[COMPARISON]) if COMPARISON in pictures else ""
    columns, rows = table.filled(found)
    shown = {"title": words.title(found), "columns": columns, "texts": table.TEXTS, "rows": rows}
    return shown | {"lines": words.lines(found), "picture": picture}


def _scores(findings: Findings) -> dict[str, Any] | None:
    """What the section on several problems shows."""
    found = findings.scores
    if found is None:
        return None
    rows, words = scores_table.rows(found), scores_table.lines(found)
    return {"columns": scores_table.columns(found), "rows": rows, "lines": words}


@cache
def _environment() -> Environment:
    loader = PackageLoader("gradexp.sweeps.report", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["number"] = number
    return environment


def number(value: Any) -> str:
    """A number short enough to read; any other value as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _script(content: Any) -> Markup:
    """JSON that is safe inside a script element: nothing in it ends the element."""
    plain = json.dumps(content, default=lambda value: value.tolist() if hasattr(value, "tolist") else str(value))
    encoded = json.dumps(finite(json.loads(plain)), allow_nan=False)  # JavaScript reads strict JSON only
    for sign in "<>&":
        encoded = encoded.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(encoded)  # escaped just above


def escaped(figure: Any) -> Any:
    """A figure as plain data in which no text is taken for markup: Plotly shows ``<b>`` and links in any label."""
    if isinstance(figure, dict):
        return {key: value if key in TEMPLATES else escaped(value) for key, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [escaped(value) for value in figure]
    return html.escape(figure, quote=False) if isinstance(figure, str) else figure


def _table(results: SweepResults) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the table of all jobs, without the configuration, which sweep.csv has."""
    skipped = ("status", "reason", "monitor", "config_hash", "asked_hash", "data", "seed")
    metrics = list(dict.fromkeys(k for job in results.jobs for k in job.metrics if k not in skipped))
    first = ("best/val/", "test/", "seconds/fit")
    metrics.sort(key=lambda name: (name != results.score_name, not name.startswith(first)))
    columns = ["job", "status", *results.axes, *metrics, "reason"]

    def row(job: Job) -> list[Any]:
        own = {"job": int(job.folder.name) if job.folder.name.isdigit() else job.folder.name, "status": job.status}
        own |= {"resumed": job.changes} if "resumed" in job.metrics else {}
        cells = job.metrics | {k: v if isinstance(v, int | float) else text(v) for k, v in job.settings.items()} | own
        return [cells.get(column) for column in columns]

    return columns, [row(job) for job in results.jobs]


def _reproduce(findings: Findings) -> dict[str, str] | None:
    """The commands for a job of the best setting."""
    if not findings.ranking:
        return None
    job = next(job for job in findings.ranking[0].jobs if findings.results.score(job) is not None)
    checkpoint = job.folder / "checkpoints" / "best.ckpt"
    return {
        "job": job.folder.name,
        "run": "python -m gradexp " + shlex.join(job.overrides),
        "test": "python -m gradexp " + shlex.join(["task=test", f"ckpt_path={checkpoint}"]),
    }
