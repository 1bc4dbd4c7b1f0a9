"""Each process of a sweep claims one GPU, and releases it however the process ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gradexp.sweeps.launch import resources

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
WORKER = """
import os, sys
from pathlib import Path
from gradexp.sweeps.launch.own_gpu import claim
for _ in range(2):  # a worker runs many jobs
    claim(Path("sweep"), sys.argv[1])
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(launcher: str = JOBLIB, visible: str = "2,GPU-abc") -> Iterator[str]:
    """A process that has claimed a GPU and runs until the context ends; yields the GPU's name."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": visible, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", WORKER, launcher]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def test_each_process_claims_one_gpu_and_a_killed_process_releases_it() -> None:
    Path("sweep").mkdir()
    with worker() as first:
        with worker() as second:
            assert [first, second] == ["2", "GPU-abc"]
            with worker() as third:
                assert third == "2", "more processes than GPUs share them evenly"
        with worker() as next_one:
            assert next_one == "GPU-abc"


@pytest.mark.parametrize("launcher", ["hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher", "BasicLauncher"])
def test_gpus_assigned_by_other_launchers_stay_assigned(launcher: str) -> None:
    Path("sweep").mkdir()
    with worker(launcher) as seen:
        assert seen == "2,GPU-abc"


@pytest.mark.parametrize(("visible", "count"), [("", 0), ("-1", 0), ("0", 1), ("0,1", 2), ("GPU-abc, GPU-def", 2)])
def test_one_job_runs_on_each_gpu_or_else_on_each_core(
    visible: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert resources.gpu_count() == count
    assert resources.jobs_at_once() == (count or 1)
    assert resources.gpu_count("cpu") == 0
    assert resources.jobs_at_once("cpu") == resources.cores_per_job() == 1
