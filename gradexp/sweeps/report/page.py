"""The page of a sweep: its best settings, comparisons, figures, and all jobs."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradexp.configuration.environment import ENVIRONMENT
from gradexp.reports.units import is_in_targets_unit
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.report import captions, job_curves, plotly_figures
from gradexp.sweeps.report.best_words import best_lines, lost_lines, no_score
from gradexp.sweeps.report.comparison import table
from gradexp.sweeps.report.dashboard import Picture
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.matplotlib_figures import COMPARISON
from gradexp.sweeps.report.page_parts import Shown, foot, in_base64, number, paper_links, script, write_html
from gradexp.sweeps.report.panels import panels
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.scores import table as scores_table
from gradexp.sweeps.report.search import search_lines

BEST = 10  # settings shown at the top
NO_COLUMN = ("status", "reason", "monitor", "monitor_mode", "config_hash", "asked_hash", "data", "seed",
             "target_name")  # fmt: skip


def write_page(
    findings: Findings, lines: Sequence[str], pictures: Mapping[str, Picture], study: Iterable[str] = ()
) -> Path:
    """Write ``report.html`` into the sweep's folder, atomically.

    Args:
        findings: The sweep's.
        lines: The conclusions of its study.
        pictures: All figures, by tag; each is within the page as SVG and PDF.
        study: The tags of those of the study.
    """
    results = findings.results
    asked = panels(findings)
    figures = {panel.key: figure for panel in asked if (figure := panel.draw(findings)) is not None}
    columns, rows, equal = _table(results)
    chosen = plotly_figures.of_chosen_jobs(findings).to_plotly_json()["layout"]
    return write_html(
        results.folder,
        "sweep",
        figures,
        results=results,
        command=shlex.join([*(["hydra/sweeper=optuna"] if results.search else []), *results.command]),
        statuses=findings.statuses,
        best=findings.ranking[:BEST],
        varies=captions.repeats(findings.ranking[:BEST]),
        unit=findings.unit,
        no_score=no_score(findings),
        front=findings.search.front if findings.search is not None else [],
        best_lines=[*search_lines(findings.search), *best_lines(findings), *lost_lines(findings)],
        contest=findings.contest,
        test_metric="test/" + results.monitor.partition("/")[2],
        lines=lines,
        pictures={tag.replace("_", " "): _shown(tag, pictures) for tag in study},
        compared=_compared(findings, pictures),
        scores=scores_table.section(findings.scores) if findings.scores is not None else None,
        panels=[
            Shown(one.key, one.title, one.caption(findings), _links(f"sweep/{one.key}", pictures))
            for one in asked
            if one.key in figures
        ],
        absent=[(one.title, one.absent) for one in asked if one.key not in figures] if findings.is_ranked else [],
        table=script(
            {"columns": columns, "rows": rows, "curves": job_curves.data(results, findings.job_curves, chosen)}
        ),
        equal=equal,
        curve_words=job_curves.words(results, findings.job_curves),
        failures=[job for job in results.jobs if job.status in ("failed", "diverged")],
        reproduce=_reproduce(findings),
        is_ranked=findings.is_ranked,
        foot=foot([(job.folder, job.metrics) for job in results.jobs]),
    )


def _shown(tag: str, pictures: Mapping[str, Picture]) -> dict[str, Any]:
    """A figure that the page shows as an image: its content, and its links."""
    return {"png": in_base64(pictures[tag].contents["png"]), "links": _links(tag, pictures)}


def _links(tag: str, pictures: Mapping[str, Picture]) -> list[dict[str, str]]:
    """A figure's files within the page, for papers: what to call them, and where they are."""
    if tag not in pictures:
        return []
    return paper_links(tag.rpartition("/")[2], pictures[tag].contents)


def _compared(findings: Findings, pictures: Mapping[str, Picture]) -> dict[str, Any] | None:
    """What the section on the noise of seeds, or of folds, shows."""
    found = findings.comparison
    if found is None:
        return None
    picture = _shown(COMPARISON, pictures) if COMPARISON in pictures else None
    shown = table.section(found) | {"unit": found.unit, "picture": picture}
    return shown if found.has_repeats else shown | {"rows": []}  # its table would be the ranking


def _table(results: SweepResults) -> tuple[list[str], list[list[Any]], str]:
    """Columns and rows of the table of all jobs, without the configuration, which sweep.csv has.

    The columns that are equal in all of several jobs are left out; they are told in words. The heads of root mean
    squared errors name the target, in whose unit they are.
    """
    metrics = list(dict.fromkeys(k for job in results.jobs for k in job.metrics if k not in (*NO_COLUMN, *ENVIRONMENT)))
    first = ("best/val/", "test/", "seconds/fit")
    metrics.sort(key=lambda name: (name != results.score_name, not name.startswith(first)))
    columns = ["job", "status", *results.axes, *metrics, "reason"]

    def cells(job: Job) -> dict[str, Any]:
        own = {"job": int(job.folder.name) if job.folder.name.isdigit() else job.folder.name, "status": job.status}
        own |= {"resumed": job.changes} if "resumed" in job.metrics else {}
        return job.metrics | {k: v if isinstance(v, int | float) else text(v) for k, v in job.settings.items()} | own

    rows = [cells(job) for job in results.jobs]
    equal = [one for one in columns[2:] if len({repr(row.get(one)) for row in rows}) == 1 and len(rows) > 1]
    kept = [column for column in columns if column not in equal]
    told = [f"{one} {number(rows[0][one])}" for one in equal if rows[0].get(one) not in (None, "")]
    targets = {str(job.metrics["target_name"]) for job in results.jobs if job.metrics.get("target_name")}
    unit = f" [{targets.pop()}]" if len(targets) == 1 else ""

    def is_in_it(column: str) -> bool:
        return all(is_in_targets_unit(column, job.metrics) for job in results.jobs if column in job.metrics)

    heads = [f"{one}{unit if one.endswith('/rmse') and is_in_it(one) else ''}" for one in kept]
    return heads, [[row.get(column) for column in kept] for row in rows], ", ".join(told)


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
