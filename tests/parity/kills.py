"""Kills vectorized sweeps at random moments, resumes them until they end, and compares them with an uninterrupted one.

Processes are forked from a server that has imported everything, and start at once. In them the state of a stack is due
at every boundary of epochs, so that most kills have one to go on from; the workers of joblib are forked in their turn.
"""

import json
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch

from tests.interrupts import _session
from tests.processes import forked
from tests.waiting import eventually

JOBS = 8
SWEEP = (
    "-m", "data=blobs", "model.hidden=[6],[5]", "model.dropout=0.2", f"seed=range({JOBS // 2})", "scheduler=cosine",
    "trainer.max_epochs=12", "early_stopping.patience=9", "optimizer=adamw", "test=false", "data.batch_size=16",
    "hydra/launcher=vectorized", "hydra.launcher.max_members=3",
)  # fmt: skip
TWO = (
    "hydra.launcher.inner=joblib", "hydra.launcher.inner_options={n_jobs:2}", "hydra.launcher.processes=2",
)  # fmt: skip
LIMIT = 60.0  # seconds for a sweep


def prepare() -> None:
    """In the process that is killed: states at every boundary, workers that are forked."""
    import warnings
    from multiprocessing.util import Finalize

    from joblib.externals.loky.backend import context

    from gradexp.app.vectorized import state_file
    from gradexp.workers import kill_workers

    # A process of multiprocessing would wait for joblib's idle workers, for minutes; one of the shell ends them.
    Finalize(None, kill_workers, exitpriority=10)
    state_file.EVERY = 0.0
    vars(context)["_DEFAULT_START_METHOD"] = "fork"
    warnings.filterwarnings("ignore", message="`fork` start method")


def kills(number: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """Interrupt sweeps in the current folder; yields what was done in each case, and what went wrong."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])  # of the processes
    _ended("first", SWEEP)  # which starts the server
    started = time.monotonic()
    end, _ = _ended("whole", SWEEP)
    whole = time.monotonic() - started
    expected = _content(Path("whole"))
    assert end == 0
    assert len(expected) == JOBS
    for case in range(number):
        random = Random(f"{seed}/{case}")
        victim = ("sweep", "sweep", "parent", "worker", "Ctrl-C")[case % 5]
        options = TWO if victim in ("parent", "worker") or (victim == "Ctrl-C" and random.random() < 0.5) else ()
        shutil.rmtree("cut", ignore_errors=True)
        done, faults = [], []
        command = (*SWEEP, *options)
        for _ in range(random.choice((1, 2, 3))):
            delay = random.random() * whole * (1.3 if options else 1.0)
            status, error = _ended("cut", command, delay, victim, random)
            done.append(f"{delay:.2f} s: {status}")
            if victim == "Ctrl-C" and status not in (0, None):
                faults += _of_interruption(status, error)
            if victim == "Ctrl-C" and (match := re.search("continue with: python -m gradexp (.*)", error)):
                command = tuple(shlex.split(match[1]))
            elif Path("cut/manifest.json").is_file():
                command = (
                    "-m",
                    "hydra/launcher=vectorized",
                    "hydra.launcher.max_members=3",
                    *options,
                    "sweep.resume=cut",
                )
        status, error = _ended("cut", command)
        faults += [f"the resumed sweep ends with {status}: {error[-500:]}"] if status != 0 else []
        faults += _differences(expected, _content(Path("cut")))
        left = [str(path) for path in Path("cut/.stacks").glob("*")]
        yield (
            f"{victim}{' on joblib' if options else ''}: {', '.join(done)}",
            [*faults, *[f"left: {one}" for one in left]],
        )


def _ended(
    folder: str, command: tuple[str, ...], delay: float | None = None, victim: str = "", random: Random | None = None
) -> tuple[int | None, str]:
    """Run the command, interrupt it after a delay if it has one; its status and standard error."""
    words = command if any("sweep.resume" in word for word in command) else (*command, f"hydra.sweep.dir={folder}")
    error = Path(f"{folder}.err")
    process = forked(prepare, *words, error=error)
    assert process.pid is not None
    if delay is not None and random is not None:
        eventually(lambda: process.exitcode is not None, delay, pause=0.005)
        target = process.pid
        workers = [int(one) for one in _session(process.pid)]
        if victim == "worker" and workers:
            target = random.choice(workers)
        if process.exitcode is None:
            os.kill(target, signal.SIGINT if victim == "Ctrl-C" else signal.SIGKILL)
    process.join(LIMIT)
    if process.exitcode is None:
        process.kill()
        return None, "it hangs"
    pid = process.pid
    if not eventually(lambda: not _session(pid), 10):
        return process.exitcode, f"leaves processes {_session(pid)}"
    return process.exitcode, error.read_text() if error.exists() else ""


def _of_interruption(status: int | None, error: str) -> list[str]:
    lines = error.strip().splitlines()
    if status == -signal.SIGINT and not lines:
        return []  # before gradexp began
    good = status == 130 and len(lines) == 1 and lines[0].startswith("interrupted")
    return [] if good else [f"Ctrl-C: status {status}, {lines[-3:]}"]


def _content(sweep: Path) -> dict[str, Any]:
    """What each job leaves, by its settings, without durations."""
    found: dict[str, Any] = {}
    for job in sorted(path for path in sweep.glob("*") if path.name.isdigit()):
        path = job / "metrics.json"
        metrics = json.loads(path.read_text()) if path.exists() else {}
        weights = {
            name: torch.load(job / f"checkpoints/{name}.ckpt", weights_only=True)["state_dict"]
            for name in ("best", "last")
            if (job / f"checkpoints/{name}.ckpt").exists()
        }
        plain = {key: value for key, value in metrics.items() if not key.startswith("seconds/")}
        found[job.name] = (plain, weights)
    return found


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    if expected.keys() != found.keys():
        return [f"jobs {sorted(found)}"]
    faults = []
    for name, (metrics, weights) in expected.items():
        other, others = found[name]
        faults += [f"{name}: {key}: {metrics.get(key)} and {other.get(key)}" for key in {*metrics, *other}
                   if metrics.get(key) != other.get(key)]  # fmt: skip
        for which in ("best", "last"):
            same = which in others and all(torch.equal(one, others[which][key]) for key, one in weights[which].items())
            faults += [] if same else [f"{name}: other weights in {which}.ckpt"]
    return faults
