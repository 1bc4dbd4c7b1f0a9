"""The report of a sweep: sweep.csv, report.html, the dashboard, and what it comes to on the terminal."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from gradexp.sweeps.report.results import SweepResults

TOP = 10


def write_report(folder: Path, console: Console) -> dict[str, int]:
    """Write the report into the sweep's folder, at any time, and print what it comes to.

    Args:
        folder: The sweep's.
        console: Where the short version goes.

    Returns:
        How many jobs there are of each status.

    Raises:
        ValueError: The folder holds no sweep.
    """
    # Only now what costs seconds: plotly, matplotlib, torch.
    from gradexp.sweeps.report.dashboard import write_dashboard
    from gradexp.sweeps.report.page import write_page
    from gradexp.sweeps.report.results import read_sweep, write_csv
    from gradexp.sweeps.report.studies import study_of

    results = read_sweep(folder)
    study = study_of(results)
    write_csv(results)
    pictures = write_dashboard(results, study.figures)
    page = write_page(results, study.lines, pictures)
    print_report(results, study.lines, console)
    for path in [*pictures.values(), page]:
        kind = "report" if path == page else "figure"
        console.print(f"{kind}: {path}", markup=False, highlight=False, soft_wrap=True)
    return dict(Counter(job.status for job in results.jobs))


def print_report(results: "SweepResults", lines: list[str], console: Console) -> None:
    """The best settings in a table, a line a finding, the failures, and the lines of a study."""
    from rich.markup import escape
    from rich.table import Table

    from gradexp.sweeps.report.findings import ranking

    best = ranking(results.comparable)
    if best:
        table = Table(box=None, pad_edge=False)
        table.add_column("setting", overflow="fold")
        for name in (results.monitor, "± over seeds", "seeds", "seconds"):
            table.add_column(name, justify="right")
        for setting in best[:TOP]:
            seconds = [job.seconds for job in setting.jobs if job.seconds is not None]
            spread = f"{setting.spread:.2g}" if setting.spread is not None else ""
            mean_seconds = f"{sum(seconds) / len(seconds):.1f}" if seconds else ""
            table.add_row(escape(setting.told), f"{setting.mean:.4g}", spread, str(len(setting.scores)), mean_seconds)
        console.print(table)
    for line in [*findings(results), *lines]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def findings(results: "SweepResults") -> list[str]:
    """A line for each figure that has something to say, and for what went wrong."""
    from statistics import fmean, stdev

    from gradexp.sweeps.report.findings import contest, learning_rates, pareto_front, penalties, ranking, sign
    from gradexp.sweeps.report.importance import variance_explained

    direction = sign(results)
    jobs_of_all, results = results.jobs, results.comparable
    lines = []
    rates = [
        (direction * max(direction * mean for mean in line.means), line, name)
        for name, line in learning_rates(results).items()
        if line.means
    ]
    if rates:
        told = [
            f"{name} best at {line.rates[line.means.index(score)]:g} ({score:.4g})"
            for score, line, name in sorted(rates, key=lambda rate: -direction * rate[0])
        ]
        lines.append(f"learning rate: {', '.join(told)}")
    grid = penalties(results)
    cells = (
        [
            (score, l1, l2)
            for l1, row in zip(grid.l1, grid.scores, strict=True)
            for l2, score in zip(grid.l2, row, strict=True)
            if score is not None
        ]
        if grid
        else []
    )
    if cells:
        score, l1, l2 = max(cells, key=lambda cell: direction * cell[0])
        lines.append(f"penalties: best at l1 {l1:g}, l2 {l2:g} ({score:.4g})")
    scored = results.scored()
    shares = variance_explained([job.settings for job, _ in scored], [score for _, score in scored])
    if shares:
        told = [f"{name} {share:.0%}" for name, share in shares.items()]
        lines.append(f"variance explained: {', '.join(told)}")
    front = pareto_front(results)
    if len(front) > 1:
        (fast, low), (slow, high) = front[0], front[-1]
        lines.append(f"time: {low:.4g} in {fast.seconds:.1f} s, {high:.4g} in {slow.seconds:.1f} s")
    for row in contest(results):
        if row.test:
            spread = f" ± {stdev(row.test):.2g}" if len(row.test) > 1 else ""
            of = f"{len(row.seconds)} of {len(row.setting.jobs)}"
            reached = f", target in {fmean(row.seconds):.2g} s ({of})" if row.seconds else ""
            lines.append(f"at fresh seeds: {row.setting.told}: test {fmean(row.test):.4g}{spread}{reached}")
    for status in ("diverged", "failed"):
        jobs = [job for job in jobs_of_all if job.status == status]
        if jobs:
            reason = str(jobs[0].metrics.get("reason", "")).partition("\n")[0]
            lines.append(f"{status}: {len(jobs)} of {len(jobs_of_all)}; first job {jobs[0].folder.name}: {reason}")
    if len(results.jobs) < len(jobs_of_all):
        lines.append("not ranked: the jobs are of several data sets, whose scores have no order")
    elif not ranking(results):
        lines.append("no job has completed")
    return lines
