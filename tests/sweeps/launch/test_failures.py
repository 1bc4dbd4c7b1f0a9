"""A job that fails, diverges, or kills its process does not affect the other jobs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import call
from tests.sweeps.small import REPORTED, RESUMED, SMALL, table

pytestmark = pytest.mark.slow


def outcome(number: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("sweep", str(number), "metrics.json").read_text())
    return content


def test_other_jobs_run_and_the_reasons_are_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The second diverges, and the last two need hundreds of terabytes.
    widths = "model.hidden=[4],[1000000000000]"
    message = call(monkeypatch, *REPORTED, "optimizer=sgd", widths, "optimizer.lr=0.1,1e30")
    assert isinstance(message, str)
    assert message.startswith("error: 2 of 4 jobs have no result (2 failed).")
    assert "python -m gradexp -m sweep.resume=sweep" in message
    assert [row["status"] for row in table()] == ["completed", "diverged", "failed", "failed"]
    assert "not finite" in outcome(1)["reason"]
    assert "memory" in outcome(2)["reason"]
    assert table()[2]["reason"] == outcome(2)["reason"]
    out = capsys.readouterr().out
    assert "1/4  model.hidden=[4] optimizer.lr=0.1  completed  best/val/accuracy " in out
    assert "2/4  model.hidden=[4] optimizer.lr=1e+30  diverged  " in out
    assert "3/4  model.hidden=[1000000000000] optimizer.lr=0.1  failed  " in out
    assert "diverged: 1 of 4; first job 1: " in out
    assert "failed: 2 of 4; first job 2: " in out


def test_on_failure_stop_starts_no_further_job_and_the_sweep_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    widths = "model.hidden=[4],[1000000000000],[5]"
    message = call(monkeypatch, *SMALL, widths, "sweep.on_failure=stop")
    assert isinstance(message, str)
    assert "2 of 3 jobs have no result (1 failed, 1 " in message
    assert not Path("sweep/2/metrics.json").exists()
    capsys.readouterr()
    message = call(monkeypatch, *RESUMED, "sweep.on_failure=continue")
    assert "1 of 3 jobs have no result (1 failed)" in str(message)
    assert [row["status"] for row in table()] == ["completed", "failed", "completed"]


def test_a_job_that_kills_its_worker_is_tried_twice_and_the_others_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    dies = ("+callbacks.dies._target_=tests.sweeps.launch.cut.Dies", "trusted_packages=[gradexp,tests]")
    processes = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")  # with n_jobs=1, joblib starts no process
    message = call(monkeypatch, *SMALL, *processes, "seed=0,1", *dies)
    assert "1 of 2 jobs have no result (1 failed)" in str(message)
    assert [row["status"] for row in table()] == ["completed", "failed"]
    assert "its process died 2 times" in outcome(1)["reason"]
    assert len(Path("sweep/1/deaths.txt").read_text().split()) == 2


def test_the_reason_of_a_job_names_data_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").mkdir()  # without images, so that the jobs fail
    message = call(monkeypatch, *SMALL, "data=image_folder", "data.path=a", "seed=0,1")
    assert "2 of 2 jobs have no result (2 failed)" in str(message)
    assert "data.path" in outcome(0)["reason"]
