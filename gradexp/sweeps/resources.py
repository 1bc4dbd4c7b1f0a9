"""What this machine has for jobs that run side by side; nothing here imports torch."""

import os
import re
from pathlib import Path

from omegaconf import OmegaConf

from gradexp.monitor import better


def gpu_count() -> int:
    """GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else those that the driver shows."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    devices = Path("/dev")
    return (
        sum(re.fullmatch(r"nvidia\d+", path.name) is not None for path in devices.iterdir()) if devices.is_dir() else 0
    )


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def jobs_at_once() -> int:
    """One a GPU where there are GPUs, else one a core: small models gain more by that than by threads."""
    return gpu_count() or core_count()


def cores_per_job() -> int:
    """The cores, divided among the jobs that run at once."""
    return max(core_count() // jobs_at_once(), 1)


def gpus_per_job() -> int:
    """1 where there are GPUs."""
    return min(gpu_count(), 1)


def direction(monitor: str) -> str:
    """Which way a search goes, in words of Optuna."""
    return {"max": "maximize", "min": "minimize"}[better(monitor)]


for _resolver in (jobs_at_once, cores_per_job, gpus_per_job, direction):
    OmegaConf.register_new_resolver(_resolver.__name__, _resolver, replace=True)
