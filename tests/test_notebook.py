"""The notebook's cells run in order, and give what is stored below them."""

import json
import re
from typing import Any

import pytest

from tests.notebook import NOTEBOOK, executed


def masked(output: dict[str, Any]) -> str:
    """The text of an output without its numbers, which differ by rounding between machines, and its ruled lines."""
    text = "".join(output.get("text") or output["data"]["text/plain"])
    return re.sub(r"[\s─═]+", " ", re.sub(r"[-+]?\d[\d.e-]*", "#", text))


@pytest.mark.slow
def test_the_notebook_gives_what_is_stored_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    stored = json.loads(NOTEBOOK.read_text())
    fresh, names = executed(stored)
    assert capfd.readouterr() == ("", ""), "the API prints nothing"
    assert sum(cell["cell_type"] == "code" for cell in fresh["cells"]) >= 6
    for old, new in zip(stored["cells"], fresh["cells"], strict=True):
        if new["cell_type"] == "code":
            outputs = zip(old["outputs"], new["outputs"], strict=True)
            assert old["execution_count"] == new["execution_count"]
            assert all(list(one.get("data", [])) == list(other.get("data", [])) for one, other in outputs)
            if ".compare(" not in "".join(new["source"]):  # whose sentences depend on its numbers
                assert list(map(masked, old["outputs"])) == list(map(masked, new["outputs"])), "store them again"
    assert names["result"].metrics["status"] == "completed"
    assert len(names["found"].table) == 15
    judged = {(row["a"], row["b"]): row["verdict"] for row in names["verdicts"].table.rows(named=True)}
    assert judged["optimizer.lr=0.001", "optimizer.lr=0.01"] == "worse", "as the text says"
    drawn = [one for cell in fresh["cells"] for one in cell.get("outputs", []) if "image/png" in one.get("data", {})]
    assert len(drawn) == 1
    assert len(drawn[0]["data"]["image/png"]) > 5_000
