"""Shared by all tests: a temporary working folder for each, and MNIST where it is available."""

import atexit
import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# They fork processes from a server that has imported everything: one server is enough, 6 seconds.
FORKING = (
    "app/test_resume.py",
    "app/vectorized/test_forked.py",
    "engine/test_several_steps_resume.py",
    "sweeps/launch/test_killed_sweep.py",
    "sweeps/test_job_folder.py",
    "test_faults.py",
    "test_forks.py",
    "test_fuzz.py",
    "test_interrupts.py",
)
ARCHIVES = "GRADEXP_MNIST_ARCHIVES"

# Tests run in parallel, about one on each core; processes that they start inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# These processes import this checkout, even if another gradexp is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes as cores; one more with the slow tests, some of which wait: for servers, for kills.

    Each process imports torch and collects all tests, 10 seconds of a core.
    """
    return (os.cpu_count() or 1) + ("not slow" not in config.option.markexpr)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, and those of all files in `FORKING` in the same one."""
    if config.getvalue("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    file_of = scheduler._split_scope  # which subclasses may override, as its class says
    scheduler._split_scope = lambda test: "forking" if file_of(test).endswith(FORKING) else file_of(test)
    return scheduler


def pytest_collection(session: pytest.Session) -> None:
    """Disable garbage collection for imports: of their million objects none is garbage, and a collection is slow."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Exclude the imported objects from later collections, and spare all fits what Lightning repeats or sets."""
    gc.freeze()
    atexit.register(gc.unfreeze)  # otherwise C libraries report leaks; only then, as pytest collects when it ends
    gc.enable()
    gc.set_threshold(10_000, 20, 20)  # by default, 3% of the tests' time
    if "lightning" in sys.modules:
        from gradexp.engine.lightning_internals import drop_slow_cuda_check, list_packages_once

        drop_slow_cuda_check()  # as each run does
        list_packages_once()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first, so that no process still runs one when the others have finished.

    The first of them are those of servers: they mostly wait, and beside other tests than their like no core is idle.
    """
    items.sort(key=lambda item: (item.get_closest_marker("server") is None, item.get_closest_marker("slow") is None))


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder for each test: the working folder, where runs write, and the data cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADEXP_DATA_DIR", str(tmp_path / "data"))
    # The command line sets these in its process; here the same process runs the next test.
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setenv("GRADEXP_FULL_ERROR", "0")
    return tmp_path


@pytest.fixture(scope="session")
def mnist_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir with MNIST's real archives; skips if the environment names none."""
    archives = os.environ.get(ARCHIVES)
    if not archives:
        pytest.skip(f"{ARCHIVES} names no folder with MNIST's four archives")
    raw = tmp_path_factory.mktemp("data") / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in Path(archives).glob("*.gz"):
        shutil.copy(archive, raw)
    return raw.parent.parent
