"""A table on the terminal, or whole in a file or a pipe."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDEST = 1_000  # characters of a table in a file


def print_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[str]) -> None:
    """Print a table.

    Args:
        console: Where it is printed; in a file or a pipe no cell is broken.
        columns: Their names.
        rows: The cells of each row.
        left: The columns that are not flushed right.
    """
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), justify="left" if name in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    width = console.width
    if not console.is_terminal:
        widest = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
        console.width = max(width, widest)
    console.print(table)
    console.width = width
