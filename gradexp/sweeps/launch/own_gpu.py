"""One GPU for each process of a sweep, for launchers that do not assign GPUs; torch is not imported."""

import itertools
import os
from pathlib import Path

from filelock import FileLock, Timeout

from gradexp.sweeps.launch.resources import gpus

# Ray and SLURM assign GPUs to jobs themselves; jobs that run one after the other need no division.
LAUNCHERS = ("JoblibLauncher", "LocalLauncher")

_claims: dict[str, FileLock] = {}  # by sweep; kept while the process lives, as CUDA keeps its first choice
_all: list[str] = []  # the GPUs that the process saw before it claimed one


def divides(launcher: str) -> bool:
    """Whether each process of the launcher, the `_target_`, gets one GPU."""
    return launcher.endswith(LAUNCHERS)


def claim(sweep: Path, launcher: str) -> None:
    """Make one GPU visible to this process; must be called before torch is imported.

    Processes count themselves by locks in the sweep's folder, which the system releases when a process ends. With as
    many processes as GPUs each has its own; with twice as many, two share one.

    Args:
        sweep: The sweep's folder.
        launcher: `_target_` of Hydra's launcher.
    """
    names = gpus()
    if not names or not divides(launcher) or str(sweep) in _claims:
        return
    for place in itertools.count():
        lock = FileLock(sweep / f".gpu-{place}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _claims[str(sweep)] = lock
        if len(_claims) == 1:  # a process that ran jobs of another sweep has its GPU already
            _all[:] = names
            os.environ["CUDA_VISIBLE_DEVICES"] = names[place % len(names)]
        return


def unclaimed() -> dict[str, str]:
    """The environment of a process that shall see all GPUs, although this process has claimed one."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(_all)} if _all else {}
