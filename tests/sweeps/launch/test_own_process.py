"""Jobs of several processes in a multirun: each is the single run that its command line is."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from gradexp import run
from gradexp.sweeps.launch.own_process import needs_own_process, run_alone
from tests.command_line import call
from tests.sweeps.small import UNREPORTED, jobs, same_weights, table
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("trainer", "gpus", "expected"),
    [
        ({"devices": 1, "strategy": "auto"}, 4, False),
        ({"devices": 2, "strategy": "auto"}, 0, True),
        ({"devices": [3], "strategy": "auto"}, 4, False),
        ({"devices": [0, 1], "strategy": "auto"}, 4, True),
        ({"devices": "auto", "strategy": "auto"}, 1, False),
        ({"devices": "auto", "strategy": "auto"}, 2, True),
        ({"devices": 1, "strategy": "ddp"}, 0, True),
    ],
    ids=str,
)
def test_which_jobs_need_processes_of_their_own(trainer: dict[str, Any], gpus: int, expected: bool) -> None:
    assert needs_own_process(trainer, gpus) is expected


def recorded(folder: Path) -> tuple[Any, Any]:
    """The configuration that ran and the metrics, without what differs between runs."""
    metrics = json.loads((folder / "metrics.json").read_text())
    config = yaml.safe_load((folder / ".hydra" / "config.yaml").read_text())
    return config, {key: value for key, value in metrics.items() if not key.startswith(("seconds/", "asked_hash"))}


def test_what_such_jobs_cannot_have_is_refused_by_name(own_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"trainer\.num_nodes must be 1, as a job is on one machine; got 2"):
        needs_own_process({"devices": 1, "strategy": "auto", "num_nodes": 2}, 0)
    with pytest.raises(ValueError, match="must be a folder without"):
        run_alone(own_folder / 'a "b"', [])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its process ended with signal SIGSEGV"),
        ("raise SystemExit(3)", "its process ended with status 3"),
        ("", "its process ended with status 0 and without a result"),
    ],
)
def test_a_process_that_ends_without_a_result_is_a_failed_job(
    code: str, reason: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "python").write_text(f"#!{sys.executable}\n{code}\n")
    (own_folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own_folder / "python"))
    with pytest.raises(ValueError, match=reason):
        run_alone(own_folder, [])
    assert reason in json.loads((own_folder / "metrics.json").read_text())["reason"]


@pytest.mark.parametrize(
    ("before", "after", "status", "expected"),
    [
        (None, "completed", 0, "completed"),
        (None, "diverged", 1, "diverged"),  # of a run from Python
        (None, "failed", 1, None),
        ("completed", None, 0, "completed"),  # a job that was done before
        ("completed", None, 1, None),  # an attempt to resume that failed
        ("failed", None, 1, None),
    ],
)
def test_the_result_is_what_the_process_has_written(
    before: str | None,
    after: str | None,
    status: int,
    expected: str | None,
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics = own_folder / "metrics.json"
    if before is not None:
        metrics.write_text(json.dumps({"status": before, "reason": "earlier"}))
    content = json.dumps({"status": after, "reason": "now"})
    write = f"open({str(metrics)!r}, 'w').write({content!r})" if after else ""
    (own_folder / "python").write_text(f"#!{sys.executable}\n{write}\nraise SystemExit({status})\n")
    (own_folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own_folder / "python"))
    if expected is None:
        with pytest.raises(ValueError, match="now" if after else "its process ended with status 1"):
            run_alone(own_folder, [])
    else:
        assert run_alone(own_folder, [])["status"] == expected


def test_an_interrupted_sweep_ends_all_processes_of_the_job(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's child ignores SIGTERM; the sweep is interrupted as Ctrl-C does it."""
    body = """
import os, signal, time
child = os.fork()
signal.signal(signal.SIGTERM, signal.SIG_IGN if child == 0 else signal.SIG_DFL)
open(f"pid-{child == 0}", "w").write(str(os.getpid()))
time.sleep(600)
"""
    (own_folder / "python").write_text(f"#!{sys.executable}\n{body}")
    (own_folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(own_folder / "python"))

    def interrupt() -> None:
        wait_until(lambda: all(Path(f"pid-{kind}").exists() for kind in (True, False)), "both processes")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_alone(own_folder, [])
    thread.join()
    for kind in (True, False):
        wait_until(lambda kind=kind: not is_alive(int(Path(f"pid-{kind}").read_text())), "the end")  # type: ignore[misc]


def is_alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_jobs_of_two_processes_are_the_single_runs_that_their_command_lines_are(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = ("trainer.accelerator=cpu", "trainer.max_epochs=1", "model.hidden=[3]", "data.batch_size=50")
    sweep = ("-m", "hydra.sweep.dir=sweep", "trainer.devices=1,2", UNREPORTED)
    assert call(monkeypatch, *sweep, *settings) is None
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("completed  best/val/accuracy") == 2
    assert [row["status"] for row in table()] == ["completed", "completed"]
    assert not {"LOCAL_RANK", "WORLD_SIZE"} & os.environ.keys()
    # In this process Lightning would run pytest again.
    alone = run(*jobs()[1]["overrides"], "hydra.run.dir=alone", "figures=false")
    assert alone.folder == Path("alone").absolute()
    assert alone.metrics == json.loads(Path("alone/metrics.json").read_text())
    assert recorded(Path("sweep/1")) == recorded(Path("alone"))
    assert same_weights(Path("sweep/1"), Path("alone"))
    planned = json.loads(Path("sweep/manifest.json").read_text())["jobs"]
    asked = json.loads(Path("sweep/1/metrics.json").read_text())["asked_hash"]
    assert planned[asked]["folder"] == "1"
    assert sorted(path.name for path in Path("sweep/1/.hydra").iterdir()) == [
        "config.yaml",
        "hydra.yaml",
        "overrides.yaml",
    ]
