"""Dies before, and fails, each operation on files of a short run, of a sweep of three jobs, and of its report.

    python -m tests.faults --all [--processes N] [--seed N]        every point
    python -m tests.faults --share 0.1 --seed N                    at a tenth of them, what the seed draws
    python -m tests.faults --only run --mode fails --point 17 --seed N         one point again

After each the command is resumed as a user would resume it. Weights, metrics.json and curves must then be those of an
undisturbed run; and where an operation failed, one message must have named the file and the reason.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process with more threads cannot be forked

import shutil
import sys
import tempfile
import time
from pathlib import Path

import tests.imported  # noqa: F401  # before processes are forked
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import MODES, Walk, warm_up

MEMORY = Path("/dev/shm")  # where fsync takes no time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--point", type=int)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if not options.all and options.share == 1 and options.point is None:
        parser.error("--all, --share or --point is required")
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    workers = []
    for worker in range(options.processes):
        process = os.fork()
        if process == 0:
            os._exit(_part(options, worker, folder / str(worker)))
        workers.append(process)
    try:
        ends = [os.waitpid(process, 0)[1] for process in workers]
        return int(any(ends))
    finally:
        shutil.rmtree(folder)


def _part(options: argparse.Namespace, worker: int, folder: Path) -> int:
    """Walk one process's part of the points; the exit status is 1 if anything is wrong at one."""
    failed = 0
    warm_up(folder)
    for name in options.only:
        started = time.monotonic()
        walk = Walk(name, folder, options.seed)
        points = walk.points(options.mode) if options.share == 1 else walk.sample(options.share)
        if options.point is not None:
            points = [point for point in points if point.number == options.point]
        points = points[worker :: options.processes]
        wrong = 0
        for point in points:
            faults = walk.faults(point)
            wrong += bool(faults)
            for fault in faults:
                print(f"{point}, seed {options.seed}: {fault}", flush=True)
        seconds = time.monotonic() - started
        print(f"{name}: {wrong} of {len(points)} points are wrong ({seconds:.0f} s)", flush=True)
        failed += wrong
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
