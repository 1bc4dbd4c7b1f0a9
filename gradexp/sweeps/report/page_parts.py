"""What all pages have in common: one file that loads nothing else; all text of a run is escaped."""

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from time import time
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from gradexp.configuration.environment import versions
from gradexp.files import finite, write_atomically
from gradexp.sweeps.job_folder import METRICS

TEMPLATES = ("hovertemplate", "texttemplate")  # of figures: constants, with markup
NAME = "report.html"
PAPERS = {"svg": "image/svg+xml", "pdf": "application/pdf"}  # formats that papers take, and their media types
NOT_RECORDED = "not recorded"


class Shown(NamedTuple):
    """A figure of the page: the id of its element, its title and what is written beside it."""

    key: str
    title: str
    caption: str
    links: Sequence[Mapping[str, str]] = ()  # what to call each of its files, and where it is


def write_html(folder: Path, template: str, figures: Mapping[str, Any], **content: Any) -> Path:
    """Write ``report.html`` into a folder, atomically.

    Args:
        folder: The sweep's or the run's.
        template: Name of the page's template.
        figures: Plotly's figures by the id of their element.
        content: What the template shows.
    """
    page = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            figures=script({key: escaped(figure.to_plotly_json()) for key, figure in figures.items()}),
            plotly=Markup(get_plotlyjs()) if figures else "",  # the library itself, not a word of the user's
            **content,
        )
    )
    path = folder / NAME
    write_atomically(path, page.encode())
    return path


def foot(jobs: Iterable[tuple[Path, Mapping[str, Any]]]) -> list[tuple[str, str]]:
    """The rows at the foot of a page: when and where its jobs ran, and when and by what the page was written.

    Args:
        jobs: The folder of each job, and the content of its metrics.json.
    """
    known = list(jobs)
    ended = sorted(path.stat().st_mtime for folder, _ in known if (path := folder / METRICS).is_file())
    dates = list(dict.fromkeys(_date(moment) for moment in (ended[0], ended[-1]))) if ended else []

    def of(key: str) -> str:
        found = dict.fromkeys(str(metrics[key]) for _, metrics in known if metrics.get(key))
        return "; ".join(found) or NOT_RECORDED

    return [
        ("Date", f"ended {' to '.join(dates)}" if dates else "not ended"),
        ("Machine", of("machine")),
        ("Versions", of("versions")),
        ("Git revision", of("git_revision")),
        ("This page", f"written {_date(time())} by {versions()}"),
    ]


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M}"


def in_base64(content: bytes) -> str:
    """The content of a file in base64."""
    return base64.b64encode(content).decode()


def paper_links(name: str, contents: Mapping[str, bytes]) -> list[dict[str, str]]:
    """The files of a figure within a page, for papers: what to call them, and where they are.

    Args:
        name: Of the files, without their ending.
        contents: The contents of an SVG and of a PDF file, by "svg" and "pdf"; one that is missing has no link.
    """
    return [
        {"label": kind.upper(), "name": f"{name}.{kind}", "href": f"data:{mime};base64,{in_base64(contents[kind])}"}
        for kind, mime in PAPERS.items()
        if kind in contents
    ]


@cache
def _environment() -> Environment:
    loader = PackageLoader("gradexp.sweeps.report")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["number"] = number
    environment.globals["parts"] = environment.get_template("parts.html.j2").module
    return environment


def number(value: Any) -> str:
    """A number short enough to read; any other value as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def script(content: Any) -> Markup:
    """JSON that is safe inside a script element: nothing in it ends the element."""
    plain = json.dumps(content, default=lambda value: value.tolist() if hasattr(value, "tolist") else str(value))
    text = json.dumps(finite(json.loads(plain)), allow_nan=False)  # JavaScript reads strict JSON only
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # escaped just above


def escaped(figure: Any) -> Any:
    """A figure as plain data in which no text is taken for markup: Plotly shows ``<b>`` and links in any label."""
    if isinstance(figure, dict):
        return {key: value if key in TEMPLATES else escaped(value) for key, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [escaped(value) for value in figure]
    return html.escape(figure, quote=False) if isinstance(figure, str) else figure
