"""The result of an audit."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: What is checked.
        passed: Whether the check passed; None if it does not apply.
        figure: What was measured.
        advice: What to do if the check failed.
    """

    name: str
    passed: bool | None
    figure: str
    advice: str = ""


@dataclass(frozen=True)
class AuditResult:
    """All checks, in the order in which they ran."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.passed is False]

    def as_dict(self) -> dict[str, Any]:
        """The content of audit.json."""
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}

    def print(self, console: Console) -> None:
        """Print a table: check, result, figure, what to do."""
        table = Table(box=None, pad_edge=False)
        for heading in ("check", "", "figure", "what to do"):
            table.add_column(heading, overflow="fold")
        words = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[dim]-[/]"}
        for check in self.checks:
            advice = check.advice if check.passed is False else ""
            # Square brackets in Text are not markup.
            table.add_row(Text(check.name), words[check.passed], Text(check.figure), Text(advice))
        console.print(table)
