"""A sweep of 20 jobs that is killed repeatedly at random times ends like an uninterrupted sweep."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.command_line import call
from tests.processes import kill, start
from tests.sweeps.small import RESUMED, UNREPORTED, jobs, metrics, same_weights, table
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

GRID = (
    "-m",
    UNREPORTED,
    "model.hidden=[8]",
    "model.dropout=0.2",
    "trainer.max_epochs=4",
    "data.batch_size=100",
    "optimizer.lr=0.01,0.003",
    "seed=range(10)",
)
TRUSTED = "trusted_packages=[gradexp,tests]"
RECORD_ENDS = ("+callbacks.ends._target_=tests.sweeps.launch.cut.Ends", TRUSTED)
KILLS = 2


def progress() -> int:
    """A number that grows with every checkpoint."""
    return sum(path.stat().st_mtime_ns for path in Path("sweep").glob("*/checkpoints/last.ckpt"))


def test_a_repeatedly_killed_sweep_of_twenty_jobs_ends_with_twenty_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *GRID, *RECORD_ENDS, "hydra.sweep.dir=whole") is None
    rng = random.Random(0)
    done_before = 0
    for attempt in range(KILLS + 1):
        command = (*GRID, *RECORD_ENDS, "hydra.sweep.dir=sweep") if attempt == 0 else (*RESUMED, TRUSTED)
        seen = progress()
        process = start(*command)
        if attempt == KILLS:
            process.join(300)
            assert process.exitcode == 0
            break
        wait_until(lambda seen=seen: progress() != seen, "a checkpoint of the sweep")  # type: ignore[misc]
        time.sleep(rng.random())
        assert process.is_alive(), "the sweep was over before it could be killed"
        kill(process)
        done = len(list(Path("sweep").glob("*/metrics.json")))
        assert done_before <= done < 20
        done_before = done
    rows = table(Path("sweep"))
    assert [row["status"] for row in rows] == ["completed"] * 20
    assert len({(row["optimizer.lr"], row["seed"]) for row in rows}) == 20
    for job in jobs(Path("sweep")):
        number = int(job["folder"])
        assert metrics(number, Path("sweep")) == metrics(number, Path("whole"))
        assert same_weights(Path("sweep", str(number)), Path("whole", str(number)))
    ends = Counter(Path("sweep/ends.txt").read_text().split())
    assert ends.keys() == {str(number) for number in range(20)}
    # A kill can fall between a job's test and its metrics.json, 14 to 43 ms later: the test is then repeated.
    assert ends.total() <= 20 + KILLS, "no other job ran to its end twice"
