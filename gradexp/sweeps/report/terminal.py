"""A sweep's findings on the terminal: the best settings as a table, and a line for each finding."""

from collections.abc import Sequence

from rich.console import Console

from gradexp.rules.words import duration
from gradexp.sweeps.report.best_words import beside, best_lines, lost_lines, no_score, score
from gradexp.sweeps.report.comparison.table import print_comparison
from gradexp.sweeps.report.contest import Contestant
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.printed_table import print_table
from gradexp.sweeps.report.scores.table import print_board
from gradexp.sweeps.report.search import search_lines

TOP = 10  # settings in the table


def print_findings(findings: Findings, study: Sequence[str], console: Console) -> None:
    """Print the best settings and the lines, then those of a study."""
    if findings.ranking:
        front = findings.search.front if findings.search is not None else []
        more = ["on the front"] * bool(front)
        unit = findings.unit
        names = ["setting", findings.results.score_name, f"± over {unit}s", f"{unit}s", "seconds", *more]
        rows = [
            [
                setting.label,
                f"{setting.mean:.4g}",
                f"{setting.spread:.2g}" if setting.spread is not None else "",
                str(len(setting.scores)),
                duration(setting.seconds) if setting.seconds is not None else "",
                *("yes" if setting.label in front else "" for _ in more),
            ]
            for setting in findings.ranking[:TOP]
        ]
        print_table(console, names, rows, ["setting"])
    if findings.comparison is not None:
        # With one seed of each setting, its table is the ranking above.
        print_comparison(findings.comparison, console, with_table=findings.comparison.has_repeats)
    if findings.scores is not None:
        print_board(findings.scores, console)
    for line in [*lines(findings), *study]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def lines(findings: Findings) -> list[str]:
    """A line for each figure that has something to show, and for what went wrong."""
    found = [*search_lines(findings.search), *best_lines(findings), *lost_lines(findings)]
    best_rates = [(*line.best, name, line.beside) for name, line in findings.rates.items() if line.best is not None]
    if best_rates:
        best_rates.sort(key=lambda item: (item[0].mean, item[1]), reverse=findings.up)
        words = [
            f"{name} best at {rate:g} ({score(setting)}{beside([f'{other:g}' for other in others])})"
            for setting, rate, name, others in best_rates
        ]
        found.append(f"learning rate: {', '.join(words)}")
    grid = findings.penalties
    if grid is not None and grid.best is not None:
        setting, *pair = grid.best
        others = beside([" ".join(grid.varying(*one)) for one in grid.beside])
        found.append(f"penalties: best at {', '.join(grid.varying(*pair))} ({score(setting)}{others})")
    if findings.importance:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in findings.importance.items())
        found.append(f"variance explained: {shares}")
    if findings.times is not None and len(findings.times.front) > 1:
        ends = findings.times.front[0], findings.times.front[-1]  # the fastest, and the best
        found.append("time: " + ", ".join(f"{score(one.setting)} in {duration(one.seconds)} s" for one in ends))
    found += [_at_fresh_seeds(row) for row in findings.contest if row.mean is not None]
    return [*found, *_problems(findings)]


def _at_fresh_seeds(row: Contestant) -> str:
    """A row of a benchmark: scores, time to the target, rank, and what a step takes."""
    rate = f" ({row.rate})" if row.rate else ""
    plus_minus = f" ± {row.spread:.2g}" if row.spread is not None else ""
    said = [f"at fresh seeds: {row.setting.label}{rate}: test {row.mean:.4g}{plus_minus}"]
    if row.seconds is not None:
        said.append(f"target in {row.seconds:.2g} s ({row.reached} of {len(row.setting.jobs)})")
    if row.rank:
        said.append(f"rank {row.rank}")
    if row.costs.seconds is not None:
        said.append(f"{1000 * row.costs.seconds:.3g} ms a step")
    if row.costs.state is not None:
        said.append(f"state of {row.costs.state:.3g} bytes a parameter")
    return ", ".join(said)


def _problems(findings: Findings) -> list[str]:
    all_jobs = findings.results.jobs
    found = []
    for status in ("diverged", "failed"):
        jobs = [job for job in all_jobs if job.status == status]
        if jobs:
            reason = str(jobs[0].metrics.get("reason", "")).partition("\n")[0]
            found.append(f"{status}: {len(jobs)} of {len(all_jobs)}; first job {jobs[0].folder.name}: {reason}")
    changed = [job for job in all_jobs if job.changes]
    if changed:
        first = f"first job {changed[0].folder.name}: {changed[0].changes}"
        found.append(f"not compared, as resumed with other settings: {len(changed)} of {len(all_jobs)}; {first}")
    if not findings.is_ranked:
        found.append("not ranked: the jobs are of several data sets, whose scores have no order")
    elif not findings.ranking:
        found.append(no_score(findings))
    return found
