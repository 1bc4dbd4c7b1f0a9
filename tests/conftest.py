"""What all tests share: a folder of their own, and MNIST where it can be had."""

import gc
import os
import shutil
from pathlib import Path

import pytest

ARCHIVES = "GRADEXP_MNIST_ARCHIVES"

# Tests run side by side, one a core; the processes that they start inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Those processes import this checkout, wherever an installed gradexp lies.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))


def pytest_collection(session: pytest.Session) -> None:
    """Imports leave a million objects and no garbage: collecting among them takes longer than many a test."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Later collections skip what was imported."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    gc.unfreeze()  # else libraries in C report leaks at exit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that no process is left with one when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs write below the current folder and the data cache: both are the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADEXP_DATA_DIR", str(tmp_path / "data"))
    # The command line sets these for its own process; here that process goes on to the next test.
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setenv("GRADEXP_FULL_ERROR", "0")
    return tmp_path


@pytest.fixture(scope="session")
def mnist_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_dir with MNIST's real archives; skips where the environment names none."""
    archives = os.environ.get(ARCHIVES)
    if not archives:
        pytest.skip(f"{ARCHIVES} names no folder with MNIST's four archives")
    raw = tmp_path_factory.mktemp("data") / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in Path(archives).glob("*.gz"):
        shutil.copy(archive, raw)
    return raw.parent.parent
