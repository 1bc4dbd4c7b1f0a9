"""Files and folders that do not exist are named, with the likeliest that do."""

from pathlib import Path
from typing import Any

import pytest

from gradexp.configuration.inputs import check_inputs

NODE: dict[str, Any] = {"task": "train", "ckpt_path": None, "input": None, "compare": {"folders": []}, "data": {}}


@pytest.fixture(autouse=True)
def files(own_folder: Path) -> None:
    Path("run/checkpoints").mkdir(parents=True)
    Path("run/checkpoints/best.ckpt").touch()
    Path("tables").mkdir()
    Path("tables/houses.csv").touch()
    Path("notes.ckpt").write_text("a line,\nand another one")
    Path("metrics.json").write_text("{}")


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"ckpt_path": "run/checkpoints/best.ckpt"},
        {"task": "predict", "ckpt_path": "run/checkpoints/best.ckpt", "input": "tables"},
        {"task": "report", "ckpt_path": "nowhere"},  # which it does not read
        {"input": "nowhere"},
        {"data": {"_target_": "gradexp.data.Table", "path": "tables/houses.csv", "test_path": None}},
        {"data": {"_target_": "mine.Table", "path": "s3://bucket"}},  # another's class may mean anything
        {"task": "compare", "compare": {"folders": ["run", "tables"]}},
    ],
    ids=str,
)
def test_what_exists_passes(right: dict[str, Any]) -> None:
    check_inputs(NODE | right)


@pytest.mark.parametrize(
    ("wrong", "end"),
    [
        ({"ckpt_path": "run"}, "run is a folder. Type ckpt_path=run/checkpoints/best.ckpt"),
        ({"ckpt_path": "run/checkpoints"}, "is a folder. Type ckpt_path=run/checkpoints/best.ckpt"),
        ({"ckpt_path": "tables"}, "tables is a folder. A run keeps its own in RUN/checkpoints/."),
        ({"ckpt_path": "run/checkpoints/bets.ckpt"}, "Did you mean run/checkpoints/best.ckpt? Beside it: "
            "run/checkpoints/best.ckpt."),
        ({"ckpt_path": "runs/checkpoints/best.ckpt"}, "There is no folder runs/checkpoints either. A run keeps its own "
            "in RUN/checkpoints/."),
        ({"task": "predict", "ckpt_path": "notes.ckpt"}, "a checkpoint, a zip file as gradexp and Lightning write; "
            "notes.ckpt is none: it begins with 'a line,\\nand another ', and was not loaded."),
        ({"init_from": "metrics.json"}, "metrics.json is none: it begins with '{}', and was not loaded."),
        ({"task": "predict", "input": "table"}, "there is no table. Did you mean tables?"),
        ({"task": "compare", "compare": {"folders": ["run", "rum"]}}, "there is no rum. Did you mean run?"),
        ({"task": "compare", "compare": {"folders": ["/tmpp"]}}, "there is no /tmpp. Did you mean /tmp?"),
        ({"data": {"_target_": "gradexp.data.Table", "path": "tables/house.csv"}}, "there is no tables/house.csv. Did "
            "you mean tables/houses.csv?"),
        ({"data": {"_target_": "gradexp.data.Table", "path": "tables"}}, "tables is a folder. It holds houses.csv."),
        ({"data": {"_target_": "gradexp.data.Table", "path": "tables/houses.csv", "test_path": "x"}}, "there is no x."),
        ({"data": {"_target_": "gradexp.data.ImageFolder", "path": "tables/houses.csv"}}, "houses.csv is a file."),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_missing_is_named(wrong: dict[str, Any], end: str) -> None:
    with pytest.raises(ValueError, match=r"^[\w.]+ must be ") as caught:
        check_inputs(NODE | wrong)
    assert str(caught.value).endswith(end)
