"""The page of several problems: one file that loads nothing else; all text of the sweeps is escaped."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from gradexp.files import write_atomically
from gradexp.sweeps.report.comparison import table as verdicts
from gradexp.sweeps.report.comparison import words
from gradexp.sweeps.report.scores import table
from gradexp.sweeps.report.scores.board import Board


def write_scores_page(board: Board, folder: Path) -> Path:
    """Write ``report.html``: the table of scores, and the verdicts on each problem."""
    loader = PackageLoader("gradexp.sweeps.report.scores", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    problems = []
    for problem in board.problems:
        columns, rows = verdicts.filled(problem.comparison)
        said = {"title": words.title(problem.comparison), "lines": words.lines(problem.comparison)}
        problems.append({"label": problem.label, "columns": columns, "rows": rows, **said})
    page = environment.get_template("scores.html.j2").render(
        columns=table.columns(board),
        rows=table.rows(board),
        texts=table.has_rates(board) + 1,
        lines=table.lines(board),
        problems=problems,
        verdict_texts=verdicts.TEXTS,
    )
    path = folder / "report.html"
    write_atomically(path, page.encode())
    return path
