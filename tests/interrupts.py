"""Interrupts the real command in each of its phases, and checks how it ends: `python -m tests.interrupts --cases 60`.

Each case starts a process, sends it SIGINT or SIGTERM at a moment that a seeded generator draws, and checks status,
standard error, time and leftover processes. Then it types the printed command, and compares the weights with those of
an uninterrupted run. A line is printed for each case; `--seed S --first N --cases 1` repeats one.
"""

import argparse
import contextlib
import itertools
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from tests.processes import start
from tests.waiting import eventually

QUICK = ("model.hidden=[32]", "data.batch_size=50", "model.dropout=0.2", "scheduler=cosine", "trainer.max_epochs=12")
MARKS = ("+callbacks.marks._target_=tests.phase_marks.PhaseMarks", "trusted_packages=[gradexp,tests]")
RUN = (*QUICK, *MARKS, "hydra.run.dir=run")
SWEEP = ("-m", *QUICK, *MARKS, "hydra.sweep.dir=sweep", "seed=0,1,2")
TWO = ("trainer.devices=2", "trainer.accelerator=cpu")
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
STACKS = (
    "-m", *QUICK, "trainer.max_epochs=60", "hydra.sweep.dir=sweep", "seed=0,1,2", "hydra/launcher=vectorized",
    "hydra.launcher.inner=forked", "hydra.launcher.processes=2",
)  # fmt: skip
LIMIT = 5.0  # seconds from the signal to the end of the process
LAST = "checkpoints/last.ckpt"


@dataclass(frozen=True)
class Phase:
    """A command, and when it is interrupted.

    Attributes:
        command: The overrides.
        after: A file that has to appear first; None for the start of the process.
        delay: The longest delay after that, in seconds.
        saved: What the line must lead to: "run", "sweep", or "" if nothing may be left to continue.
        killed: Whether the first process gets SIGKILL, so that only its workers can do something.
    """

    command: tuple[str, ...]
    after: str | None
    delay: float
    saved: str = ""
    killed: bool = False


PHASES = {
    "imports": Phase(RUN, None, 4.0),
    "help": Phase(("--help",), None, 1.0),
    "data": Phase(RUN, "run/.lock", 0.3),
    "fit starts": Phase(RUN, "run/at-fit", 0.1),
    "fit": Phase(RUN, f"run/{LAST}", 1.0, "run"),
    "validation": Phase(RUN, "run/at-validation", 0.1, "run"),
    "fit ends": Phase(RUN, "run/at-train-end", 0.3, "run"),
    "test": Phase(RUN, "run/at-test", 0.2, "run"),
    "final writes": Phase(RUN, "run/at-test-end", 0.3, "run"),
    "figures": Phase(RUN, "run/figures/*", 0.5, "run"),
    "complete": Phase(RUN, "run/metrics.json", 0.2, "complete"),
    "resume": Phase(("task=train", f"ckpt_path=part/{LAST}", MARKS[1]), None, 9.0, "maybe"),
    "workers": Phase((*RUN, "data.memory_limit=0", "data.num_workers=2"), f"run/{LAST}", 1.0, "run"),
    "two processes": Phase((*RUN, *TWO), f"run/{LAST}", 2.0, "run"),
    "two processes start": Phase((*RUN, *TWO), "run/.lock", 8.0, "maybe"),
    "predict": Phase(("task=predict", f"ckpt_path=part/{LAST}", MARKS[1]), None, 8.0, "typed"),
    "test task": Phase(("task=test", f"ckpt_path=part/{LAST}", MARKS[1]), None, 8.0, "typed"),
    "audit": Phase(("task=audit",), None, 9.0),
    "bias_variance": Phase(("task=bias_variance", "trainer.max_epochs=400"), None, 9.0),
    "report": Phase(("task=report", "sweep_dir=done"), None, 8.0),
    "sweep plans": Phase(SWEEP, None, 4.0, "maybe"),
    "sweep": Phase(SWEEP, "sweep/*/at-fit", 3.0, "sweep"),
    "sweep's report": Phase(SWEEP, "sweep/2/metrics.json", 2.0, "sweep"),
    "stacks": Phase(STACKS, "sweep/*/.started", 3.0, "sweep"),
    "stacks killed": Phase(STACKS, "sweep/*/.started", 3.0, killed=True),
    "joblib starts": Phase((*SWEEP, *JOBLIB), "sweep/manifest.json", 6.0, "sweep"),
    "joblib": Phase((*SWEEP, *JOBLIB), "sweep/*/at-fit", 2.0, "sweep"),
    "joblib killed": Phase((*SWEEP, *JOBLIB), "sweep/*/at-fit", 2.0, killed=True),
    "joblib killed early": Phase((*SWEEP, *JOBLIB), "sweep/manifest.json", 6.0, killed=True),
    "two processes killed": Phase((*RUN, *TWO), "run/.lock", 9.0, killed=True),
    "resumed sweep": Phase(("-m", "sweep.resume=cut", *JOBLIB), None, 9.0, "maybe"),
}


@dataclass
class Case:
    """An interruption, and how it went."""

    number: int
    name: str
    signum: signal.Signals
    group: bool  # as a terminal does it; else the first process alone, as `kill` does
    twice: bool
    delay: float
    forked: bool = False
    seconds: float = 0.0
    status: int | None = None
    error: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def phase(self) -> Phase:
        return PHASES[self.name]

    def __str__(self) -> str:
        how = f"{self.signum.name}{' twice' if self.twice else ''} to the {'group' if self.group else 'process'}"
        return f"{self.number:>3} {self.name:<19} {how:<28} +{self.delay:4.2f} s: ended in {self.seconds:4.2f} s"


def drawn(seed: int, names: list[str]) -> Iterator[Case]:
    """Endless cases, each phase in turn."""
    rng = random.Random(seed)
    for number, name in enumerate(itertools.cycle(names)):
        signum = rng.choice([signal.SIGINT, signal.SIGINT, signal.SIGTERM])
        group, twice, delay = rng.random() < 0.6, rng.random() < 0.3, rng.random() * PHASES[name].delay
        if PHASES[name].killed:
            signum, group, twice = signal.SIGKILL, False, False
        yield Case(number, name, signum, group, twice, delay)


def interrupt(case: Case, folder: Path) -> bool:
    """Run the case in the folder; False if the command had ended before the signal."""
    process = _started(case, folder)
    if case.phase.after is not None:
        after = case.phase.after
        eventually(lambda: any(folder.glob(after)) or process.poll() is not None, 120, pause=0.002)
    time.sleep(case.delay)
    if process.poll() is not None:
        return False
    started = time.monotonic()
    send = os.killpg if case.group else os.kill
    send(process.pid, case.signum)
    if case.twice:
        time.sleep(0.02)
        if process.poll() is None:
            send(process.pid, case.signum)
    try:
        case.status = process.wait(60)
    except subprocess.TimeoutExpired:
        case.faults.append("hangs")
        os.killpg(process.pid, signal.SIGKILL)
    case.seconds = time.monotonic() - started
    left = eventually(lambda: not _session(process.pid), 3) or _session(process.pid)
    if left is not True:
        case.faults.append(f"leaves processes {left}")
        for number in left or []:
            os.kill(int(number), signal.SIGKILL)
    case.error = (folder / "err.txt").read_text()
    if case.phase.saved == "complete" and case.status in (0, -case.signum) and not case.error:
        return False  # Python was ending
    if not case.phase.killed:
        _check(case)
    return True


class Started(Protocol):
    """What is used of subprocess.Popen."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...


class _Forked:
    """A process of multiprocessing as one of subprocess."""

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("gradexp", timeout)
        return self._process.exitcode


def _started(case: Case, folder: Path) -> Started:
    """The command of the case, in a session of its own."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background, which the command would inherit
        signal.signal(signal.SIGINT, signal.default_int_handler)
    error = folder / "err.txt"
    if case.forked:
        with contextlib.chdir(folder):
            forked = _Forked(start(*case.phase.command, error=error))
        eventually(lambda: os.getsid(forked.pid) == forked.pid, 60)
        return forked
    with error.open("w") as err:
        return subprocess.Popen(
            _command(case.phase.command),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=err,
            env=_environment(),
            start_new_session=True,
        )


def _check(case: Case) -> None:
    if case.status != 128 + case.signum:
        case.faults.append(f"status {case.status}")
    if case.seconds > LIMIT:
        case.faults.append(f"takes {case.seconds:.1f} s")
    lines = case.error.splitlines()
    if len(lines) != 1 or not lines[0].startswith("interrupted"):
        case.faults.append(f"prints {len(lines)} lines")
    words = {"run": "task=train", "sweep": "sweep.resume=sweep", "typed": "task=", "complete": "as completed"}
    if words.get(case.phase.saved, "") not in case.error and "as completed" not in case.error:
        case.faults.append("does not say how to continue")


def continued(case: Case, folder: Path, whole: Path) -> None:
    """Type what was printed, and compare the weights with those in `whole`, of the same commands uninterrupted."""
    _, _, line = case.error.strip().partition("continue with: python -m gradexp ")
    if not line:
        return
    if case.name.startswith("two processes") or "joblib" in line:  # they start processes in their turn
        command = _command(tuple(shlex.split(line)))
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, check=False)
        ended: int | None = done.returncode
    else:
        with contextlib.chdir(folder):
            process = start(*shlex.split(line))
        process.join(300)
        ended = process.exitcode
    if ended != 0:
        case.faults.append(f"the printed command ends with {ended}")
        return
    if "task=predict" in line or "task=test" in line:
        return
    first = "two" if "trainer.devices=2" in case.phase.command else "run"
    sweep = "stacks" if case.phase.command == STACKS else "sweep"
    expected = {"run": first, "part": "run"} | {
        f"{cut}/{n}": f"{sweep}/{n}" for cut in ("sweep", "cut") for n in range(3)
    }
    for job, same in expected.items():
        is_continued = job.partition("/")[0] in line and (folder / job).is_dir()
        if is_continued and not same_weights(folder / job / LAST, whole / same / LAST):
            case.faults.append(f"{job} ends with other weights")


def same_weights(one: Path, other: Path) -> bool:
    import torch

    first, second = (torch.load(path, weights_only=True)["state_dict"] for path in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _command(overrides: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "gradexp", *overrides]


def _environment() -> dict[str, str]:
    checkout = str(Path(__file__).parents[1])
    return {**os.environ, "PYTHONPATH": checkout, "OMP_NUM_THREADS": "1", "HYDRA_FULL_ERROR": "0"}


def _session(leader: int) -> list[str]:
    """The living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) == leader and state != "Z" and int(path.parent.name) != leader:
            found.append(path.parent.name)
    return found


def prepare(folder: Path) -> None:
    """What the cases start from: uninterrupted runs and a sweep, and killed ones."""
    whole: tuple[tuple[str, ...], ...] = (
        RUN,
        (*RUN, *TWO, "hydra.run.dir=two"),
        SWEEP,
        (*STACKS, "hydra.sweep.dir=stacks"),
    )
    for command in whole:
        subprocess.run(_command(command), cwd=folder, env=_environment(), check=True, capture_output=True)
    killed: dict[str, tuple[str, ...]] = {
        "part": (*RUN, "hydra.run.dir=part"),
        "cut/0": (*SWEEP, "hydra.sweep.dir=cut"),
    }
    for name, command in killed.items():
        process = subprocess.Popen(
            _command(command), cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually((folder / name / LAST).exists, 120, pause=0.002)
        time.sleep(0.2)
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=len(PHASES) * 3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forked", action="store_true", help="fork processes without imports, where that is possible")
    parser.add_argument("--untyped", action="store_true", help="do not type the printed commands")
    parser.add_argument("--only", nargs="*", choices=PHASES, help="phases")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--whole", type=Path, help="where the uninterrupted runs are kept for the next call")
    options = parser.parse_args()
    good = missed = ran = 0
    with tempfile.TemporaryDirectory(prefix="interrupts-") as temporary:
        whole = options.whole or Path(temporary) / "whole"
        if not whole.is_dir():
            whole.mkdir()
            prepare(whole)
        for case in itertools.islice(
            drawn(options.seed, options.only or list(PHASES)), options.first, options.first + options.cases
        ):
            case.forked = options.forked and not case.name.startswith(("imports", "two processes", "joblib", "workers"))
            if case.forked and case.phase.after is None:
                case.delay /= 4
            folder = Path(temporary) / f"case-{case.number}"
            folder.mkdir()
            for name, target in (("part", "part"), ("cut", "cut"), ("sweep", "done")):
                if any(target in override for override in case.phase.command):
                    shutil.copytree(whole / name, folder / target)
            if interrupt(case, folder):
                ran += 1
                if not case.faults and not options.untyped:
                    continued(case, folder, whole)
                good += not case.faults
                print(case, "; ".join(case.faults) or "right", f"[{case.error.strip()[-300:]}]", flush=True)
            else:
                missed += 1
            shutil.rmtree(folder)
    print(f"{good} of {ran} interruptions ended right; {missed} commands had ended before the signal")


if __name__ == "__main__":
    main()
