"""The final metrics of a run as a table for TensorBoard, which would draw each single point as a curve of its own."""

import html
import re
from collections.abc import Mapping
from typing import Any

# The order of reading; further metrics follow as they are.
FIRST = ("status", "reason", "test/", "best/", "val/", "train/")


def results_table(metrics: Mapping[str, Any]) -> str:
    """The final metrics in Markdown, those of the test first.

    Args:
        metrics: As in metrics.json; lists are left out.
    """
    shown = {name: value for name, value in metrics.items() if isinstance(value, str | int | float)}
    rows = [f"| {_cell(name)} | {_cell(_text(shown[name]))} |" for name in sorted(shown, key=_place)]
    return "\n".join(["| metric | value |", "| --- | ---: |", *rows])


def _place(name: str) -> int:
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return re.sub(r"([|\\`*_\[\]])", r"\\\1", html.escape(" ".join(text.split()), quote=False))
