"""The lock of a run's folder, which names the process that holds it."""

import json
import math
import os
from pathlib import Path

import pytest

from gradexp import run
from gradexp.files import write_json
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"seed": 1}', "its status must be one of completed, diverged, failed; got None"),
        ('{"status": "done"}', "its status must be one of completed, diverged, failed; got 'done'"),
        ('{"status": ["completed"]}', "got ['completed']"),
        ("[1]", "it is a list, not an object"),
        ("null", "it is a NoneType, not an object"),
        ('{"status": "completed"', "it cannot be read (Expecting"),
        ('{"status": "completed", "val/loss": "low"}', "its val/loss must be a number; got 'low'"),
        ('{"status": "completed", "val/loss": true}', "its val/loss must be a number; got True"),
        ('{"status": "completed", "monitor": "score", "score": [1]}', "its score must be a number; got [1]"),
        ('{"status": "completed", "epochs": "3"}', "its epochs must be a number; got '3'"),
        ('{"status": "failed", "reason": 3}', "its reason must be text; got 3"),
        ('{"status": "failed", "monitor_mode": "up"}', "its monitor_mode must be max or min; got 'up'"),
        ('{"status": "completed", "steps": ' + "9" * 400 + "}", "its steps must be a number below 2^63; got one of"),
        ('{"status": "completed", "best/val/loss": -1' + "0" * 400 + "}", "its best/val/loss must be a number below"),
        ('{"status": "completed", "resumed": "x"}', "its resumed must be a list of changes, each with step, key, old"),
        ('{"status": "completed", "resumed": [{"step": 1, "key": "seed", "old": 1}]}', "its resumed must be a list of"),
        ('{"status": "completed", "resumed": [{"step": [], "key": "a", "old": 1, "new": 2}]}', "its resumed must be a"),
        ('{"status": "completed", "resumed": [{"step": 1, "key": {}, "old": 1, "new": 2}]}', "its resumed must be a"),
    ],
)  # fmt: skip
def test_a_record_that_is_none_gets_one_message_with_its_path(content: str, words: str, own_folder: Path) -> None:
    (own_folder / "metrics.json").write_text(content)
    for read in (job_folder.outcome, job_folder.state, job_folder.is_done):
        with pytest.raises(
            ValueError, match=r"metrics\.json must be the record that a run writes when it ends; "
        ) as caught:
            read(own_folder)
        assert words in str(caught.value)


def test_a_metric_that_is_not_finite_counts_as_not_measured(own_folder: Path) -> None:
    """In the file it is null; earlier versions wrote NaN."""
    written = {"status": "diverged", "train/loss": math.nan, "val/loss": math.inf, "epochs": 3, "monitor_mode": None}
    write_json(own_folder / "metrics.json", written)
    text = (own_folder / "metrics.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == written | {"train/loss": None, "val/loss": None}
    (own_folder / "old").mkdir()
    (own_folder / "old/metrics.json").write_text(json.dumps(written))
    for folder in (own_folder, own_folder / "old"):
        assert job_folder.outcome(folder) == {"status": "diverged", "epochs": 3}


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
