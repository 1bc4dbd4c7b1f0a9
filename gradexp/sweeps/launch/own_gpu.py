"""A GPU of its own for each process of a sweep, under launchers that leave that to the job; torch is not imported."""

import itertools
import os
from pathlib import Path

from filelock import FileLock, Timeout

from gradexp.sweeps.launch.resources import gpus

# Ray and SLURM give each job its GPUs themselves; one job after the other needs no division.
LAUNCHERS = ("JoblibLauncher", "LocalLauncher")

_claims: dict[str, FileLock] = {}  # by sweep; held as long as the process lives, for CUDA keeps the first choice


def claim(sweep: Path, launcher: str) -> None:
    """Let this process see one GPU alone; to be called before torch is imported.

    Processes count themselves by locks in the sweep's folder, which the system lets go of with the process. So with as
    many processes as GPUs each has its own, and with twice as many two share one.

    Args:
        sweep: The sweep's folder.
        launcher: `_target_` of Hydra's launcher.
    """
    names = gpus()
    if not names or not launcher.endswith(LAUNCHERS) or str(sweep) in _claims:
        return
    for place in itertools.count():
        lock = FileLock(sweep / f".gpu-{place}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _claims[str(sweep)] = lock
        if len(_claims) == 1:  # a process that worked for a sweep before has its GPU already
            os.environ["CUDA_VISIBLE_DEVICES"] = names[place % len(names)]
        return
