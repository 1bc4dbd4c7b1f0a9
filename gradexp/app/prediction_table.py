"""Prints predictions: the columns that matter, each of them whole."""

import re
from collections.abc import Sequence

import polars as pl
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradexp.app.errors import printable

ROWS = 10
NAMED = 8  # columns in the line below the table
BORDER, PADDING = 1, 3  # cells of a table's frame, and of each column's
NUMBERS = re.compile(r"(predicted_)*prediction(_\d+)?")


def print_predictions(console: Console, frame: pl.DataFrame, classes: int = 0) -> None:
    """Print the first rows: predictions and true values, and as many other columns as fit, none of them cut.

    Args:
        console: Where to print.
        frame: The samples' own columns; then true values, if they are known; then the predictions: class, probability
            and the probability of each class, or numbers.
        classes: Number of classes; 0 for numbers.
    """
    head = frame.head(ROWS)
    texts = {name: [printable(name), *(printable(_text(value)) for value in head[name])] for name in head.columns}
    widths = {name: max(map(cell_len, lines)) + PADDING for name, lines in texts.items()}
    shown = _shown(frame.columns, widths, classes, console.width - BORDER)
    table = Table()
    # As Text, in which square brackets are not markup.
    for name in shown:
        is_number = frame[name].dtype.is_numeric()
        table.add_column(Text(texts[name][0]), no_wrap=True, justify="right" if is_number else "left")
    for number in range(1, len(head) + 1):
        table.add_row(*(Text(texts[name][number]) for name in shown))
    width = console.width
    console.width = max(width, BORDER + sum(widths[name] for name in shown))  # else the table would cut its cells
    console.print(table, crop=False)
    console.width = width
    for line in _left_out(frame, shown, len(head)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _shown(columns: Sequence[str], widths: dict[str, int], classes: int, room: int) -> list[str]:
    """The columns to print, in order: predictions and true values always, the others while they fit."""
    each = list(columns[len(columns) - classes :]) if classes else []
    rest = list(columns[: len(columns) - len(each)])
    predictions = rest[-2:] if classes else [name for name in rest if NUMBERS.fullmatch(name)]
    own = [name for name in rest if name not in predictions]
    true = [name for name in own[-max(1, len(predictions)) :] if name.startswith("true")]
    chosen = {*predictions, *true}
    room -= sum(widths[name] for name in chosen)
    if each and sum(widths[name] for name in (*own[:1], *each)) <= room:
        chosen |= {*own[:1], *each}
        room -= sum(widths[name] for name in each) + sum(widths[name] for name in own[:1] if name not in true)
    for name in own:
        if name not in chosen and widths[name] <= room:
            chosen.add(name)
            room -= widths[name]
    return [name for name in columns if name in chosen]


def _left_out(frame: pl.DataFrame, shown: Sequence[str], rows: int) -> list[str]:
    others = [printable(name) for name in frame.columns if name not in shown]
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    lines = [f"the first {rows} of {len(frame):,} rows"] if len(frame) > rows else []
    return [*lines, *([f"columns in the file alone: {', '.join(others[:NAMED])}{more}"] if others else [])]


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
