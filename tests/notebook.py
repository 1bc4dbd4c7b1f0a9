"""Runs a notebook's code cells in order, in this process, without Jupyter.

`python -m tests.notebook` runs the notebook again and stores what its cells give.
"""

import ast
import base64
import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "first_steps.ipynb"
Notebook = dict[str, Any]  # as in the file: https://nbformat.readthedocs.io/en/latest/format_description.html


def executed(notebook: Notebook) -> tuple[Notebook, dict[str, Any]]:
    """The notebook with what its cells give now, and the names that they define; it runs in the current folder."""
    mpl.use("agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell = cell | {"execution_count": number, "outputs": _outputs("".join(cell["source"]), names, number)}
        cells.append(cell)
    return notebook | {"cells": cells}, names


def _outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What Jupyter shows below a cell: printed text, the value of its last expression, and its figures."""
    code = ast.parse(source)
    last = code.body[-1]
    shown = last.value if isinstance(last, ast.Expr) and not source.rstrip().endswith(";") else None
    if shown is not None:
        code.body.pop()
    outputs: list[dict[str, Any]] = []
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(shown), "<cell>", "eval"), names) if shown is not None else None
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        outputs.append({"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    for figure in map(plt.figure, plt.get_fignums()):
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=72, bbox_inches="tight", metadata={"Software": None})
        png = base64.b64encode(image.getvalue()).decode()
        outputs.append(
            {"data": {"image/png": png, "text/plain": ["<Figure>"]}, "metadata": {}, "output_type": "display_data"}
        )
    plt.close("all")
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    stored: Notebook = json.loads(NOTEBOOK.read_text())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        stored, _ = executed(stored)
    NOTEBOOK.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
