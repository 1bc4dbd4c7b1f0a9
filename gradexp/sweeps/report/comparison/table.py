"""A comparison as a table: one row a setting, for the terminal and the page."""

from typing import Any, NamedTuple

from rich.console import Console

from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.words import lines, number, title, with_commands
from gradexp.sweeps.report.printed_table import print_table

COLUMNS = ("setting", "mean", "± over {}s", "{}s", "diverged", "failed", "difference", "95 % interval", "verdict")
TEXTS = ("setting", "verdict")
OPTIONAL = ("diverged", "failed")


class Row(NamedTuple):
    """What the table says of a setting; the last three of its pair with the reference."""

    label: str
    mean: str
    spread: str
    seeds: str
    diverged: str
    failed: str
    difference: str
    interval: str
    verdict: str


def rows(comparison: Comparison) -> list[Row]:
    """The settings, best first. Differences and verdicts are of the setting beside the reference."""
    pairs = {pair.a: pair for pair in comparison.with_reference}
    found = []
    for place, one in enumerate(comparison.settings):
        difference = interval = said = ""
        pair = pairs.get(place)
        if pair is not None:
            difference = f"{pair.difference:+.3g}"
            if pair.verdict is not None and pair.low is not None and pair.high is not None:
                interval = f"{pair.low:.3g} to {pair.high:.3g}"
                said = str(pair.verdict)
        else:
            said = "the best found" if comparison.is_chosen else "compared with"
        diverged, failed = (str(one.setting.count(status) or "") for status in ("diverged", "failed"))
        spread = f"{one.spread:.2g}" if one.spread is not None else ""
        scored = number(one.mean), spread, str(len(one.scores))
        found.append(Row(one.label, *scored, diverged, failed, difference, interval, said))
    return found


def filled(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The names of the columns and the cells of the rows, without the counts of lost jobs where there are none."""
    shown = rows(comparison)
    places = [n for n, name in enumerate(COLUMNS) if name not in OPTIONAL or any(row[n] for row in shown)]
    return [COLUMNS[n].format(comparison.unit) for n in places], [[row[n] for n in places] for row in shown]


def section(comparison: Comparison) -> dict[str, Any]:
    """What a page shows of a comparison: its title, table, and lines with the commands that they end with."""
    columns, shown = filled(comparison)
    said = with_commands(lines(comparison))
    return {"title": title(comparison), "columns": columns, "rows": shown, "texts": TEXTS, "lines": said}


def print_comparison(comparison: Comparison, console: Console, with_table: bool = True) -> None:
    """Print title, table and lines, or the lines alone."""
    if with_table:
        console.print(title(comparison), markup=False, highlight=False, soft_wrap=True)
        print_table(console, *filled(comparison), TEXTS)
    for line in lines(comparison):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
