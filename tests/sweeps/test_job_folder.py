"""The lock of a run's folder, which names the process that holds it."""

import os
from pathlib import Path

import pytest

from gradexp import run
from gradexp.sweeps import job_folder
from tests.processes import start

TINY = ("data=xor", "model=small_mlp", "trainer.max_epochs=1", "figures=false", "test=false", "hydra.run.dir=run")


def test_a_second_run_in_a_folder_and_a_second_resume_are_told_who_holds_it(own_folder: Path) -> None:
    done = run(*TINY)
    before = (done.folder / "metrics.json").read_bytes()
    last = f"{done.folder}/checkpoints/last.ckpt"
    holder = rf"process {os.getpid()} on \S+ \(since \d{{4}}-\d\d-\d\d "
    with job_folder.lock_run(done.folder, None):
        with pytest.raises(ValueError, match=rf"hydra\.run\.dir must be a folder .* got {done.folder}, which {holder}"):
            run(*TINY)
        with pytest.raises(ValueError, match=rf"ckpt_path must be of a run .* got {last}, whose run is {holder}"):
            run(f"ckpt_path={last}")
        elsewhere = run(f"ckpt_path={last}", "hydra.run.dir=elsewhere", "figures=false", "test=false")
        assert elsewhere.metrics["status"] == "completed"
    assert (done.folder / "metrics.json").read_bytes() == before, "what was refused has written nothing"
    assert not {".lock", ".holder"} & {path.name for path in done.folder.iterdir()}
    assert run(*TINY).metrics["status"] == "completed"


def test_a_job_of_a_sweep_names_its_holder_and_keeps_its_lock(tmp_path: Path) -> None:
    refused = pytest.raises(ValueError, match=f"which process {os.getpid()} on")
    with job_folder.lock(tmp_path), refused, job_folder.lock_run(tmp_path, None):
        raise AssertionError
    assert (tmp_path / ".lock").exists(), "a sweep that waits for the job has it open"
    with job_folder.lock_run(tmp_path, None):
        pass
    assert (tmp_path / ".lock").exists()


@pytest.mark.slow
def test_of_two_processes_started_at_once_in_a_folder_one_is_refused(own_folder: Path) -> None:
    command = ("trainer.max_epochs=40", "figures=false", "test=false", "hydra.run.dir=run")
    processes = [start(*command) for _ in range(2)]
    for process in processes:
        process.join(300)
    assert sorted(process.exitcode == 0 for process in processes) == [False, True]
    assert job_folder.state(own_folder / "run") == "completed"


@pytest.mark.parametrize("is_job", [False, True])
def test_what_a_killed_process_left_is_removed_by_the_next_one(is_job: bool, tmp_path: Path) -> None:
    record = tmp_path / ".hydra"
    left = [
        folder / ".file.abcdefgh.gradexp~"
        for folder in (tmp_path, tmp_path / "checkpoints", tmp_path / "figures", record, record / "resumed_1")
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with job_folder.lock(tmp_path) if is_job else job_folder.lock_run(tmp_path, None):
        assert not any(path.exists() for path in left)
