"""A board as a table: one row an entrant, one column a problem; for the terminal and the page."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from gradexp.rules.words import counted
from gradexp.sweeps.report.comparison.pair import JUDGED
from gradexp.sweeps.report.comparison.words import number
from gradexp.sweeps.report.printed_table import print_table
from gradexp.sweeps.report.scores.board import Board, Cell, Problem
from gradexp.verdicts.ranks import in_words

NOT_TRIED = "not tried"


def columns(board: Board) -> list[str]:
    """The names of the columns; rates and costs are left out where no entrant has any."""
    own = ["entrant", "rate"] if has_rates(board) else ["setting"]
    return [*own, *(problem.label for problem in board.problems), "first", *_costs(board)]


def rows(board: Board) -> list[list[str]]:
    """The cells, as texts."""
    short = short_names([row.entrant[0] for row in board.rows])
    costs = _costs(board).values()
    found = []
    for place, row in enumerate(board.rows):
        name, rate = row.entrant
        own = [short[name], rate] if has_rates(board) else [short[name]]
        tried = sum(cell is not None for cell in row.cells)
        found.append([*own, *map(score, row.cells), f"{row.first} of {tried}", *(texts[place] for texts in costs)])
    return found


def _costs(board: Board) -> dict[str, list[str]]:
    """The columns of what was measured."""
    found = {
        "time a step": [f"{row.slower:.2f}x" if row.slower else "" for row in board.rows],
        "state": [f"{row.state:.3g} B" if row.state is not None else "" for row in board.rows],
    }
    return {name: texts for name, texts in found.items() if any(texts)}


def score(cell: Cell | None) -> str:
    """Mean, standard deviation, and the rank in brackets."""
    if cell is None:
        return NOT_TRIED
    if cell.scored is None:
        return "diverged" if cell.setting.count("diverged") else "failed"
    spread = f" ± {cell.scored.spread:.2g}" if cell.scored.spread is not None else ""
    lost = cell.setting.count("diverged") + cell.setting.count("failed")
    return f"{number(cell.scored.mean)}{spread} ({in_words(cell.ranks)}){f', {lost} lost' if lost else ''}"


def has_rates(board: Board) -> bool:
    """Whether any entrant is tuned or a default."""
    return any(row.entrant[1] for row in board.rows)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Classes without their packages, unless two have the same name then."""
    last = {name: name.rpartition(".")[2] if name.replace(".", "").isidentifier() else name for name in names}
    count = Counter(last.values())
    return {name: short if count[short] == 1 else name for name, short in last.items()}


def lines(board: Board) -> list[str]:
    """What the table shows, and what it rests on."""
    found = [f"{problem.label}: {_of_problem(problem)}" for problem in board.problems]
    found.append(
        "in brackets the rank: two that cannot be told apart by their seeds have a rank in common (Holm over all pairs "
        "of a problem); first: on how many problems an entrant is not told from the best"
    )
    if has_rates(board):
        found.append(
            "tuned: the best rate of the grid, by validation; default: the entrant's own rate; both at fresh seeds"
        )
    if _costs(board):
        found.append(
            "time a step: over that of the fastest, geometric mean over the problems (jobs trained in a stack have "
            "their share of its time); state: bytes of the optimizer's state a parameter"
        )
    return found


def _of_problem(problem: Problem) -> str:
    compared = problem.comparison
    way = "higher" if compared.metric.sign > 0 else "lower"
    counts = sorted({len(one.scores) for one in compared.settings})
    seeds = counted(counts[-1], compared.unit)
    seeds = seeds if len(counts) == 1 else f"{counts[0]} to {seeds}"
    said = f"{compared.metric.name}, {way} is better, mean ± standard deviation over {seeds}"
    if all(len(one.scores) > 1 and len({*one.scores.values()}) == 1 for one in compared.settings):
        said += f"; all {compared.unit}s of a setting give the same: chance has no part in it"
    few = sum(len(one.scores) < JUDGED for one in compared.settings)
    if few:
        have, are = ("has", "is") if few == 1 else ("have", "are")
        said += f"; {few} of {len(compared.settings)} settings {have} fewer than three, and {are} told from none"
    return said


def section(board: Board) -> dict[str, Any]:
    """What a page shows: the table, its columns of text, and the lines."""
    names = columns(board)
    return {"columns": names, "rows": rows(board), "texts": names[: 1 + has_rates(board)], "lines": lines(board)}


def print_board(board: Board, console: Console) -> None:
    """Print the table and the lines."""
    shown = section(board)
    print_table(console, shown["columns"], shown["rows"], shown["texts"])
    for line in shown["lines"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
