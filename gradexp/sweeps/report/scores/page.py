"""The page of several problems: one file that loads nothing else; all text of the sweeps is escaped."""

from pathlib import Path

from gradexp.sweeps.report.comparison import table as verdicts
from gradexp.sweeps.report.page_parts import foot, write_html
from gradexp.sweeps.report.scores import table
from gradexp.sweeps.report.scores.board import Board


def write_scores_page(board: Board, folder: Path) -> Path:
    """Write ``report.html``: the table of scores, and the verdicts on each problem."""
    problems = [{"label": problem.label, **verdicts.section(problem.comparison)} for problem in board.problems]
    settings = [one.setting for problem in board.problems for one in problem.comparison.settings]
    return write_html(
        folder,
        "scores",
        {},
        **table.section(board),
        problems=problems,
        foot=foot([(job.folder, job.metrics) for setting in settings for job in setting.jobs.values()]),
    )
