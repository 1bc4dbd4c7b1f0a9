"""A full disk, a limit or missing rights: one message with the file, the reason and what to do."""

import errno
import io
import logging
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gradexp.app import execution, hydra_callbacks
from gradexp.app.errors import explain
from gradexp.app.hydra_callbacks import WriteReport
from gradexp.app.log_file import check_log_writes
from gradexp.engine.event_files import EventFiles
from gradexp.files import REMEDIES
from gradexp.sweeps import job_folder
from tests.command_line import call

QUICK = ("data=xor", "model=small_mlp", "trainer.max_epochs=1", "figures=false", "test=false", "hydra.run.dir=run")


def full(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "run/metrics.json")


@pytest.mark.parametrize("number", sorted(REMEDIES))
def test_the_message_has_the_file_the_reason_and_the_remedy(number: int) -> None:
    message = explain(OSError(number, os.strerror(number), "run/metrics.json"))
    assert str(message).startswith(f"error: run/metrics.json: {os.strerror(number)}. {REMEDIES[number]}. ")
    assert str(explain(OSError(number, os.strerror(number), b"run/events"))).startswith("error: run/events: ")
    assert str(explain(OSError(number, os.strerror(number)))).startswith(
        f"error: a file, or the output: {os.strerror(number)}. "
    )


def test_an_error_that_wraps_the_systems_gets_the_reason_of_the_system(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, name="tensorboard", version="")
    files.experiment.add_scalar = full  # Lightning makes it an unsupported value
    with pytest.raises(ValueError, match="you tried to log") as caught:
        files.log_metrics({"loss": 1.0}, 1)
    assert str(explain(caught.value)).startswith("error: run/metrics.json: No space left on device. Free space")


def test_an_error_with_a_message_of_its_own_keeps_it() -> None:
    for own, cause in (
        ("data.path must be a table; there is no a.csv.", FileNotFoundError(errno.ENOENT, "No such file", "a.csv")),
        ("MNIST could not be had (No space left on device)", OSError(errno.ENOSPC, "No space left on device")),
    ):
        error = ValueError(own)
        error.__cause__ = cause
        assert explain(error) == f"error: {own}"
    assert explain(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")) is None


def test_how_to_resume_is_part_of_the_message_of_a_full_disk_and_of_no_other() -> None:
    for error, told in ((OSError(errno.ENOSPC, "No space left", "a"), True), (ValueError("lr must be above 0"), False)):
        error.add_note("Then resume: python -m gradexp ckpt_path=a/last.ckpt")
        assert str(explain(error)).endswith("Then resume: python -m gradexp ckpt_path=a/last.ckpt") is told


def test_the_command_that_resumes_works_as_it_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = "hydra.run.dir='a run=1'"
    with monkeypatch.context() as patch:
        patch.setattr(execution, "_write_metrics", full)
        message = call(monkeypatch, *QUICK[:-1], folder, "trainer.accelerator=cpu")
    typed = shlex.split(str(message).partition("Then resume: python -m gradexp ")[2])
    of_this_machine = ["figures=false", "trainer.accelerator=cpu"]
    assert typed == ["task=train", "ckpt_path='a run=1/checkpoints/last.ckpt'", *of_this_machine]
    assert call(monkeypatch, *typed) is None
    assert job_folder.state(Path("a run=1")) == "completed"


def test_a_log_that_cannot_be_written_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run").mkdir()
    log = Path("run/gradexp.log").absolute()
    log.symlink_to("/dev/full")  # the system's own error
    message = call(monkeypatch, *QUICK)
    assert str(message).startswith(f"error: {log}: No space left on device. ")
    assert "Traceback" not in capsys.readouterr().err
    assert job_folder.state(log.parent) == "failed"


def test_only_the_logs_of_the_run_end_it(tmp_path: Path) -> None:
    elsewhere = logging.FileHandler(tmp_path / "callers.log", delay=True)
    own = logging.FileHandler(tmp_path / "run" / "gradexp.log", delay=True)
    logging.getLogger().addHandler(elsewhere)
    logging.getLogger().addHandler(own)
    try:
        check_log_writes(tmp_path / "run")
    finally:
        logging.getLogger().removeHandler(elsewhere)
        logging.getLogger().removeHandler(own)
    assert "handleError" in vars(own)
    assert "handleError" not in vars(elsewhere)


@pytest.mark.parametrize("error", [None, RuntimeError("no figure")])
def test_a_sweep_whose_report_cannot_be_written_ends_with_a_message(
    error: Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "my sweep" / "0"
    job.mkdir(parents=True)
    job_folder.mark_started(job)

    def fail(*arguments: object) -> None:
        raise error or OSError(errno.EDQUOT, "Disk quota exceeded", "sweep.csv")

    monkeypatch.setattr(hydra_callbacks, "write_report", fail)
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(job.parent)}}, "sweep": {"dry_run": False}})
    with pytest.raises(SystemExit) as end:
        WriteReport().on_multirun_end(config)
    message = str(end.value.code)
    assert message.startswith("error: RuntimeError: no figure " if error else "error: sweep.csv: Disk quota exceeded. ")
    assert f"python -m gradexp task=report 'sweep_dir='\"'\"'{job.parent}" in message
    assert "\n" not in message


@pytest.mark.parametrize("sweeper", ["grid", "basic"])
def test_a_sweep_that_fails_without_a_report_ends_with_one_message(
    sweeper: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hydra_callbacks, "write_report", full)
    Path("a").mkdir()  # without images, so that the jobs fail
    sweep = ("-m", "hydra/sweeper=basic") if sweeper == "basic" else ("-m",)
    message = call(monkeypatch, *sweep, "hydra.sweep.dir=sweep", "data=image_folder", "data.path=a", "seed=0,1")
    assert isinstance(message, str)
    assert message.count("error: ") == 1
    assert "\n" not in message
    why = "run/metrics.json: No space left on device. "
    for part in ("data.path", why, "Write it with python -m gradexp task=report sweep_dir=sweep"):
        assert part in message
    assert message.endswith("; the jobs are resumed by python -m gradexp -m sweep.resume=sweep") is (sweeper == "grid")
    assert "Traceback" not in capsys.readouterr().err


def test_an_output_on_a_full_disk_gets_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as output:
        monkeypatch.setattr("sys.stdout", output)
        message = call(monkeypatch, *QUICK)
        with suppress(OSError):
            output.close()
    assert str(message).startswith("error: a file, or the output: No space left on device. ")
    assert capsys.readouterr().err == ""
    assert job_folder.state(Path("run")) == "completed"


@pytest.mark.parametrize(
    ("what", "is_buffered"), [("--version", True), ("--version", False), ("--help", True), ("--cfg=job", True)]
)
def test_help_on_a_full_disk_gets_a_message(
    what: str, is_buffered: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("wb", buffering=2**20 if is_buffered else 0) as file:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(file, write_through=not is_buffered))
        assert str(call(monkeypatch, what)).startswith("error: a file, or the output: No space left on device. ")
        sys.stdout.close()  # without an error
    assert capsys.readouterr().err == ""
