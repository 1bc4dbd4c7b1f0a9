"""A sweep in Python."""

from pathlib import Path

import pytest

from gradexp import load_sweep
from tests.sweeps.folders import grid, write_sweep


def test_the_table_is_a_frame_of_pandas_with_the_extra(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = load_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1], seed=[0, 1]), {3: {}})).table
    frame = table.to_pandas()
    assert list(frame.columns) == table.columns
    assert frame["optimizer.lr"].tolist() == [0.01, 0.01, 0.1, 0.1]
    assert frame["val/accuracy"].isna().tolist() == [score is None for score in table["val/accuracy"]]
