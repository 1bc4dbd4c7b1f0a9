"""A resumed sweep runs the jobs that are not done, and no others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from lightning.pytorch import LightningModule, Trainer

from gradexp import run
from gradexp.engine.step_seed import StepSeed
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.manifest import Manifest
from tests.command_line import call
from tests.sweeps.small import RESUMED, SMALL, finished_sweep, jobs, metrics, same_weights, stamps, table

pytestmark = pytest.mark.slow

GRID = (*SMALL, "optimizer.lr=0.01,0.001", "seed=0,1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed sweep."""
    return finished_sweep(tmp_path_factory.mktemp("finished"), *GRID)


@pytest.fixture
def sweep(finished: Path) -> Path:
    """A copy of the completed sweep that a test may change."""
    shutil.copytree(finished, "sweep")
    return Path("sweep")


def test_completed_jobs_are_not_repeated(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: stamps(Path("sweep", str(number))) for number in range(4)}
    capsys.readouterr()
    for again in (GRID, RESUMED, (*GRID[:-3], *GRID[-2:], "sweep.resume=sweep")):
        assert call(monkeypatch, *again) is None
        assert "jobs: 4 (4 done before)" in capsys.readouterr().out
    assert {number: stamps(Path("sweep", str(number))) for number in range(4)} == before


class Killed(BaseException):
    """Not caught by handlers of Exception, like a kill."""


def test_an_interrupted_job_is_resumed_and_the_rest_start(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill(self: StepSeed, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 20:  # in the second epoch of the first job
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StepSeed, "on_train_batch_start", kill)
        with pytest.raises(Killed):
            call(patch, *GRID)
    assert job_folder.state(Path("sweep/0")) == "interrupted"
    assert not Path("sweep/1").exists()
    begun = Path("sweep/0/gradexp.log").read_text()
    capsys.readouterr()
    assert call(monkeypatch, *RESUMED) is None
    assert "jobs: 4 (1 resumed, 3 to do)" in capsys.readouterr().out
    for number in range(4):
        assert metrics(number) == metrics(number, finished)
        assert same_weights(Path("sweep", str(number)), finished / str(number))
    assert Path("sweep/0/gradexp.log").read_text().startswith(begun)


def test_a_failed_job_is_repeated(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = [metrics(number) for number in range(4)]
    Path("sweep/2/metrics.json").write_text('{"status": "failed", "reason": "the disk was full"}')
    shutil.rmtree("sweep/2/checkpoints")
    Path("sweep/1/metrics.json").unlink()
    capsys.readouterr()
    assert call(monkeypatch, *RESUMED) is None
    assert "jobs: 4 (2 done before, 1 repeated after a failure, 1 resumed)" in capsys.readouterr().out
    assert [metrics(number) for number in range(4)] == whole


def test_changed_base_settings_are_named_and_refused_and_no_file_changes(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stamps(Path("sweep"))
    message = call(monkeypatch, *GRID, "trainer.max_epochs=3", "optimizer=sgd")
    assert isinstance(message, str)
    assert "trainer.max_epochs was 2, is 3" in message
    assert "optimizer._target_ was torch.optim.Adam, is torch.optim.SGD" in message
    assert stamps(Path("sweep")) == before


def test_new_values_and_new_axes_extend_a_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *SMALL, "optimizer.lr=0.01,0.001") is None
    before = stamps(Path("sweep/0")) | stamps(Path("sweep/1"))
    capsys.readouterr()
    assert call(monkeypatch, *SMALL, "optimizer.lr=0.01,0.1", "seed=0,1") is None
    assert "jobs: 5 (2 done before, 3 to do)" in capsys.readouterr().out
    assert [(job["folder"], job["settings"]) for job in jobs()] == [
        ("0", {"optimizer.lr": 0.01, "seed": 0}),
        ("1", {"optimizer.lr": 0.001, "seed": 0}),
        ("2", {"optimizer.lr": 0.01, "seed": 1}),
        ("3", {"optimizer.lr": 0.1, "seed": 0}),
        ("4", {"optimizer.lr": 0.1, "seed": 1}),
    ]
    assert stamps(Path("sweep/0")) | stamps(Path("sweep/1")) == before
    assert [row["status"] for row in table()] == ["completed"] * 5
    message = str(call(monkeypatch, "-m", "sweep.resume=sweep", "seed=0,1,2"))
    assert "New values of an axis, typed with all else that the sweep's command has, extend a sweep;" in message


def test_a_job_of_a_sweep_equals_the_single_run_of_its_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *SMALL, "optimizer=sgd,adam", "regularizer.l2=0,0.01") is None
    for job in jobs()[1:3]:
        alone = run(*job["overrides"])
        assert same_weights(alone.folder, Path("sweep", job["folder"]))
        numbers = {key: value for key, value in alone.metrics.items() if not key.startswith("seconds/")}
        assert numbers == metrics(int(job["folder"]))


def test_the_folder_of_a_running_sweep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sweep").mkdir()
    with FileLock(Path("sweep") / job_folder.LOCK):
        message = call(monkeypatch, *GRID)
    assert isinstance(message, str)
    assert "sweep must be the folder of a sweep that has ended; another process runs the sweep in it" in message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99, "jobs": {}, "axes": []}', '{"jobs": 3}'])
def test_a_damaged_manifest_gets_one_message(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sweep").mkdir()
    Path("sweep/manifest.json").write_text(content)
    message = call(monkeypatch, *RESUMED)
    assert isinstance(message, str)
    assert message.startswith("error: sweep/manifest.json must be ")


@pytest.mark.parametrize("inside", ["sweep/0", "sweep/manifest.json"])
def test_what_lies_in_the_folder_of_a_sweep_names_it(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sweep").mkdir()
    Path("sweep/manifest.json").touch()
    assert str(call(monkeypatch, "-m", f"sweep.resume={inside}")).endswith(f"got {inside}. Did you mean sweep?")


def test_a_folder_name_may_have_spaces_and_special_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("my sweeps") / "lr=0.1, it's"
    assert call(monkeypatch, *SMALL[:-1], "seed=0,1", "hydra.sweep.dir='my sweeps/lr=0.1, it\\'s'") is None
    assert [row["status"] for row in table(folder)] == ["completed"] * 2
    manifest = Manifest.read(folder)
    assert manifest is not None
    assert json.loads((folder / "manifest.json").read_text())["axes"] == manifest.axes == ["seed"]


def test_hydras_basic_sweeper_works_and_has_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *GRID, "hydra/sweeper=basic") is None
    assert not Path("sweep/manifest.json").exists()
    assert [(row["optimizer.lr"], row["seed"], row["status"]) for row in table()] == [
        ("0.01", "0", "completed"),
        ("0.01", "1", "completed"),
        ("0.001", "0", "completed"),
        ("0.001", "1", "completed"),
    ]


def test_a_resumed_sweep_waits_for_a_process_that_outlived_it(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job is not run a second time."""
    assert call(monkeypatch, *SMALL, "seed=0,1") is None
    done = Path("sweep/1/metrics.json").read_text()
    Path("sweep/1/metrics.json").unlink()
    orphan = (
        "import sys, time, pathlib; from filelock import FileLock\n"
        "with FileLock('sweep/1/.lock'):\n"
        "    print('held', flush=True); time.sleep(2)\n"
        f"    pathlib.Path('sweep/1/metrics.json').write_text({done!r})\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", orphan], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": ""}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    before = stamps(Path("sweep/1/checkpoints"))
    assert call(monkeypatch, *RESUMED) is None
    process.wait(timeout=60)
    process.stdout.close()
    assert stamps(Path("sweep/1/checkpoints")) == before
    assert Path("sweep/1/metrics.json").read_text() == done


def test_axes_in_hydra_sweeper_params_are_refused_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, *SMALL, "hydra.sweeper.params={seed:'1,2'}")
    assert message == (
        "error: hydra.sweeper.params must be null with hydra/sweeper=grid; got {'seed': '1,2'}. Type KEY=VALUE,VALUE, "
        "or write sweep.axes in an experiment."
    )
    assert not Path("sweep").exists()


def test_a_sweep_whose_axes_are_in_its_configuration_is_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *SMALL, "+sweep.axes={seed:[1,2]}") is None
    capsys.readouterr()
    assert call(monkeypatch, *RESUMED) is None
    assert "jobs: 2 (2 done before)" in capsys.readouterr().out
    assert [job["settings"] for job in jobs()] == [{"seed": 1}, {"seed": 2}]


def test_a_sweep_that_starts_from_a_checkpoint_has_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run("model.hidden=[4]", "trainer.max_epochs=1", "figures=false", "test=false")
    typed = (f"ckpt_path={first.folder}/checkpoints/last.ckpt", "trainer.max_epochs=2", "optimizer.lr=1e-2,1e-3")
    assert call(monkeypatch, "-m", "hydra.sweep.dir=sweep", *typed) is None
    assert Path("sweep/report.html").is_file()
    assert [(row["status"], row["epochs"]) for row in table()] == [("completed", "2")] * 2


@pytest.mark.parametrize("typed", ["sweep.dry_run=true", "sweep.on_failure=stop", "+sweep.axes={seed:[1,2]}"])
def test_keys_of_sweep_are_refused_with_other_sweepers(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(call(monkeypatch, *GRID, "hydra/sweeper=basic", typed))
    assert f"{typed.lstrip('+').partition('=')[0]} must go with hydra/sweeper=grid" in message
    assert not Path("sweep").exists()


def test_the_command_that_resumes_a_sweep_keeps_the_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").mkdir()  # without images, so that the jobs fail
    typed = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1", "data=image_folder", "data.path=a", "seed=0,1")
    assert str(call(monkeypatch, *SMALL, *typed)).endswith(
        "python -m gradexp -m hydra/launcher=joblib hydra.launcher.n_jobs=1 sweep.resume=sweep"
    )
