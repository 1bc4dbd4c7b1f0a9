"""The cores and GPUs of this machine, divided among jobs that run side by side; torch is not imported."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from gradexp.engine.cores import core_count

NO_DEVICE = (
    "trainer.accelerator must be a device of this machine; got {}, and none is found. Type trainer.accelerator=auto, "
    "which takes a GPU where there is one"
)


def gpus() -> list[str]:
    """Names of the GPUs that this process may use: of CUDA_VISIBLE_DEVICES, else of the driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    devices = Path("/dev")
    shown = [path.name for path in devices.iterdir()] if devices.is_dir() else []
    # CUDA counts the GPUs of a container from 0, whatever the host calls them.
    return [str(number) for number in range(sum(re.fullmatch(r"nvidia\d+", name) is not None for name in shown))]


def may_have(accelerator: str) -> bool:
    """Whether this machine may have an accelerator, the value of trainer.accelerator; only Lightning knows for sure."""
    if accelerator == "mps":
        return sys.platform == "darwin"
    if accelerator == "tpu":
        return find_spec("torch_xla") is not None
    if accelerator not in ("gpu", "cuda") or sys.platform != "linux":
        return True
    # NVIDIA's driver, in a container and on Jetson; Windows' in WSL; AMD's.
    return any(path.name.startswith(("nvidia", "nvmap", "dxg", "kfd")) for path in Path("/dev").iterdir())


def gpu_count(accelerator: str = "auto") -> int:
    """GPUs for the jobs; 0 if they run on the CPU.

    Args:
        accelerator: trainer.accelerator.
    """
    return 0 if accelerator == "cpu" else len(gpus())


def jobs_at_once(accelerator: str = "auto") -> int:
    """One job per GPU, else one per core: small models gain more from that than from threads."""
    return gpu_count(accelerator) or core_count()


def cores_per_job(accelerator: str = "auto") -> int:
    """The cores, divided among the jobs that run at once."""
    return max(core_count() // jobs_at_once(accelerator), 1)


def gpus_per_job(accelerator: str = "auto") -> int:
    """1 where there are GPUs."""
    return min(gpu_count(accelerator), 1)
