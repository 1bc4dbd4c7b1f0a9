"""A sweep in several processes on this machine."""

import pytest

from gradexp.engine.cores import core_count
from tests.command_line import call
from tests.sweeps.launch.conftest import SWEEP, Rows, rows
from tests.sweeps.launch.witness import sightings

pytestmark = pytest.mark.slow


def test_joblib_gives_the_same_table_as_the_basic_launcher(monkeypatch: pytest.MonkeyPatch, on_basic: Rows) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # it would override the number of threads that is tested
    one_a_core = () if core_count() > 1 else ("hydra.launcher.n_jobs=2",)
    streamed = ("data.memory_limit=0", "data.num_workers=1")  # the processes start further ones
    assert call(monkeypatch, *SWEEP, "hydra/launcher=joblib", "trainer.accelerator=cpu", *one_a_core, *streamed) is None
    assert without_typed(rows()) == without_typed(on_basic)
    seen = [line for job in range(2) for line in sightings(job)]
    assert len({line["process"] for line in seen}) == 2
    assert {line["threads"] for line in seen} == {1}, "the cores are not oversubscribed"


def without_typed(table: Rows) -> Rows:
    typed = ("overrides", "trainer.accelerator", "data.memory_limit", "data.num_workers", "config_hash", "asked_hash")
    return [{key: value for key, value in row.items() if key not in typed} for row in table]
