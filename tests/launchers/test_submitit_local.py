"""What SLURM would do, without SLURM."""

import pytest

from tests.command_line import call
from tests.launchers.conftest import SWEEP, Rows, rows
from tests.launchers.witness import sightings


def test_submitit_without_slurm_ends_in_the_same_table_as_the_basic_launcher(
    monkeypatch: pytest.MonkeyPatch, on_basic: Rows
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # it does not divide the cores itself
    assert call(monkeypatch, *SWEEP, "hydra/launcher=submitit_local") is None
    assert rows() == on_basic
    assert len({line["process"] for job in range(2) for line in sightings(job)}) == 2
