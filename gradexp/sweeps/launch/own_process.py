"""Jobs of several processes: each runs as a command of its own, in its own process group.

Lightning starts the further processes of such a fit by running the command again. In a multirun that would be the whole
sweep, and in a script or a notebook the user's own program. So `python -m gradexp` is started for the one job, and that
command is the one which is run again.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradexp.files import write_json
from gradexp.interrupts import SWEEP_JOB
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import own_gpu

# By these Lightning knows that it need not start processes; they stay behind in a process that has trained with it.
LEFT_BY_LIGHTNING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
SECONDS_TO_END = 3.0  # between SIGTERM and SIGKILL


def needs_own_process(trainer: Mapping[str, Any], gpus: int) -> bool:
    """Whether a fit starts further processes, or may leave its process in a state that the next job cannot start from.

    Args:
        trainer: The section `trainer`.
        gpus: GPUs that `devices: auto` takes; 0 without any.

    Raises:
        ValueError: It spans several machines.
    """
    if trainer.get("num_nodes", 1) != 1:
        raise ValueError(f"trainer.num_nodes must be 1, as a job is on one machine; got {trainer['num_nodes']}.")
    devices = trainer["devices"]
    number = len(devices) if isinstance(devices, list) else gpus if devices == "auto" else devices
    return number > 1 or trainer["strategy"] != "auto"


def is_own_process(folder: Path) -> bool:
    """Whether this process, or the one that started it, was started for the job in this folder alone."""
    return os.environ.get(SWEEP_JOB) == str(folder)


def run_alone(
    folder: Path, overrides: Sequence[str], options: Sequence[str] = (), cwd: str | None = None, is_job: bool = True
) -> dict[str, Any]:
    """Run the job in this folder by a command of its own, and wait for its end.

    Args:
        folder: The job's, an absolute path.
        overrides: The command line of a single run that is this job.
        options: Hydra's options, such as --config-dir.
        cwd: The folder in which the sweep's command was typed; None for the current one.
        is_job: Whether it is a job of a sweep; otherwise a run from Python.

    Returns:
        The content of its metrics.json.

    Raises:
        ValueError: The job failed; its metrics.json says the same.
    """
    if re.search(r'["\\]', str(folder)):
        # Lightning types it between double quotes.
        raise ValueError(f'{folder} must be a folder without " and \\ in its name for a run of several processes.')
    before = _written(folder)
    command = [sys.executable, "-m", "gradexp", *options, *overrides]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=_environment() | ({SWEEP_JOB: str(folder)} if is_job else {}),
        stdin=subprocess.DEVNULL,
        stdout=None if is_job else subprocess.DEVNULL,  # the summary
        start_new_session=True,
    ) as process:
        try:
            status = process.wait()
        except BaseException:
            _end(process)
            raise
    if status:
        _signal(process, signal.SIGKILL)  # the processes that the failed one has started
    ended = job_folder.outcome(folder)
    is_new = _written(folder) != before
    if ended is not None and is_new and ended["status"] == "failed":
        raise ValueError(ended.get("reason"))
    # A diverged run from Python, and an audit that finds faults, end with status 1, too.
    if ended is not None and (status == 0 or (is_new and status > 0)):
        return ended
    reason = f"its process ended with {_described(status)} and without a result"
    if (
        ended is None and is_job
    ):  # a single run says itself how it failed, unless it resumes: then it leaves all as it was
        write_json(folder / job_folder.METRICS, {"status": "failed", "reason": reason})
    raise ValueError(reason)


def _written(folder: Path) -> int:
    """When metrics.json was written; 0 if it is not there."""
    path = folder / job_folder.METRICS
    return path.stat().st_mtime_ns if path.exists() else 0


def _environment() -> dict[str, str]:
    """The environment of the job's process, which imports from where this one does, and sees all GPUs."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_BY_LIGHTNING}
    environment |= own_gpu.unclaimed()
    environment |= {
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109
        "PYTHONSAFEPATH": "1",  # without the current folder, unless this process has it
    }
    if "SLURM_NTASKS" in environment:
        environment["SLURM_JOB_NAME"] = "interactive"  # otherwise Lightning waits for processes that SLURM starts
    return environment


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the job's processes: politely, and after a while by force."""
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_END)
    _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, number)


def _described(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
