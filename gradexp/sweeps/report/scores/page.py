"""The page of several problems: one file that loads nothing else; all text of the sweeps is escaped."""

from pathlib import Path

from gradexp.sweeps.report.comparison import table as verdicts
from gradexp.sweeps.report.comparison import words
from gradexp.sweeps.report.page_parts import foot, write_html
from gradexp.sweeps.report.scores import table
from gradexp.sweeps.report.scores.board import Board


def write_scores_page(board: Board, folder: Path) -> Path:
    """Write ``report.html``: the table of scores, and the verdicts on each problem."""
    problems = []
    for problem in board.problems:
        columns, rows = verdicts.filled(problem.comparison)
        said = words.with_commands(words.lines(problem.comparison))
        found = {"title": words.title(problem.comparison), "lines": said}
        problems.append({"label": problem.label, "columns": columns, "rows": rows, **found})
    settings = [one.setting for problem in board.problems for one in problem.comparison.settings]
    return write_html(
        folder,
        "scores",
        {},
        columns=table.columns(board),
        rows=table.rows(board),
        texts=table.has_rates(board) + 1,
        lines=table.lines(board),
        problems=problems,
        verdict_texts=verdicts.TEXTS,
        foot=foot([(job.folder, job.metrics) for setting in settings for job in setting.jobs.values()]),
    )
