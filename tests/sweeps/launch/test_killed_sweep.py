"""A sweep of 20 jobs, killed at random moments again and again, ends as the one that was not."""

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
    "optimizer.lr=0.01,0.003",
    "seed=range(10)",
)
WITNESS = ("+callbacks.ends._target_=tests.sweeps.launch.cut.Ends", "trusted_packages=[gradexp,tests]")
KILLS = 2


def progress() -> int:
    """Grows with every checkpoint and every job that ends."""
    return sum(path.stat().st_mtime_ns for path in Path("sweep").glob("*/checkpoints/last.ckpt"))


def test_twenty_jobs_end_as_twenty_rows_however_often_the_sweep_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *GRID, *WITNESS, "hydra.sweep.dir=whole") is None
    dice = random.Random(0)
    done_before = 0
    for attempt in range(KILLS + 1):
        command = (*GRID, *WITNESS, "hydra.sweep.dir=sweep") if attempt == 0 else RESUMED
        seen = progress()
        process = start(*command)
        if attempt == KILLS:
            process.join(300)
            assert process.exitcode == 0
            break
        wait_until(lambda seen=seen: progress() != seen, "a checkpoint of the sweep")  # type: ignore[misc]
        time.sleep(2 * dice.random())
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
    # A kill may fall between a job's last act and its metrics.json, 14 to 43 ms later: it then has that act repeated.
    assert ends.total() <= 20 + KILLS, "no other job was run twice to the end"
