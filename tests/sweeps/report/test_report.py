"""The report: a self-contained page with escaped text, and the figures and rows in TensorBoard."""

import base64
import json
from pathlib import Path

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp.reports.event_folder import event_folder
from gradexp.sweeps.report.write_report import write_report
from tests.command_line import call
from tests.sweeps.folders import grid, write_curve, write_sweep
from tests.sweeps.report.parsed_page import page

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def example_sweep(folder: Path) -> Path:
    jobs = grid(
        optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01], regularizer__l1=[0.0, 1e-4], regularizer__l2=[0.0, 1e-3]
    )
    write_sweep(folder, jobs, {0: {"status": "failed", "reason": EVIL}})
    for number in range(1, 16):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
    return folder


def test_the_page_is_self_contained_and_escapes_text(tmp_path: Path) -> None:
    folder = example_sweep(tmp_path / "sweep")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["name"] = manifest["command"][0] = EVIL
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert write_report(folder, Console(quiet=True)) == {"failed": 1, "completed": 15}
    parsed = page(folder)
    assert parsed.tags.count("script") == 4
    assert "img" not in parsed.tags
    kinds = [link.partition(";")[0] for link in parsed.links]
    assert kinds == ["data:,", *["data:image/svg+xml", "data:application/pdf"] * 6], "each figure, and nothing fetched"
    svg, pdf = (base64.b64decode(link.partition(",")[2]) for link in parsed.links[1:3])
    assert b"</svg>" in svg
    assert pdf.startswith(b"%PDF")
    visible = "".join(parsed.words)
    assert visible.count(EVIL) == 4  # the title, the heading, the command, the reason
    table = json.loads(parsed.data["table-data"])
    assert table["rows"][0][table["columns"].index("reason")] == EVIL
    assert len(table["rows"]) == 16
    figures = json.loads(parsed.data["figure-data"])
    assert list(figures) == ["learning_rate", "penalties", "coordinates", "curves", "time", "importance"]
    for panel in figures:
        assert panel in parsed.data["script"] or f'id="{panel}"' in (folder / "report.html").read_text()


def test_a_figure_without_axes_in_the_sweep_is_left_out_and_reported(tmp_path: Path) -> None:
    write_report(write_sweep(tmp_path / "sweep", grid(seed=[0, 1, 2])), Console(quiet=True))
    parsed = page(tmp_path / "sweep")
    assert list(json.loads(parsed.data["figure-data"])) == ["coordinates", "time"]
    visible = " ".join("".join(parsed.words).split())
    assert "No figure of Learning rate: no optimizer has more than one learning rate." in visible
    assert "No figure of L1 and L2: they do not both vary." in visible


@pytest.mark.parametrize("outcomes", [{0: {}, 1: {}}, {0: {"status": "failed", "reason": "x"}, 1: {}}])
def test_a_sweep_without_results_has_a_report(outcomes: dict[int, dict[str, str]], tmp_path: Path) -> None:
    write_report(write_sweep(tmp_path / "sweep", grid(seed=[0, 1]), outcomes), Console(quiet=True))
    assert "No job has completed." in "".join(page(tmp_path / "sweep").words)


def test_jobs_that_completed_without_a_score_are_not_said_to_have_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = {"status": "completed", "export/difference": 0.0, "monitor": "val/accuracy", "monitor_mode": "max"}
    folder = write_sweep(tmp_path / "sweep", grid(seed=[0, 1]), dict.fromkeys(range(2), exported))
    write_report(folder, Console())
    said = "2 jobs completed, none with val/accuracy to be ranked by"
    assert said in capsys.readouterr().out
    words = "".join(page(folder).words)
    assert f"{said}." in words
    assert "has completed" not in words


def test_jobs_of_several_data_sets_are_not_ranked_and_their_failures_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {3: {"status": "failed", "reason": "no memory"}}
    folder = write_sweep(tmp_path / "sweep", grid(data__path=["a.csv", "b.csv"], seed=[0, 1]), failed)
    write_report(folder, Console())
    out = capsys.readouterr().out
    assert "not ranked: the jobs are of several data sets, whose scores have no order" in out
    assert "failed: 1 of 4; first job 3: no memory" in out
    assert "setting" not in out
    words = "".join(page(folder).words)
    assert "The jobs are of several data sets, whose scores have no order." in words
    assert "Ranked by" not in words
    assert "No figure of" not in words
    assert "no memory" in words
    assert len((folder / "sweep.csv").read_text().splitlines()) == 5


def test_tensorboard_has_the_figures_once_and_a_row_for_a_failed_job(tmp_path: Path) -> None:
    folder = example_sweep(tmp_path / "sweep")
    for _ in range(2):
        write_report(folder, Console(quiet=True))
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0}).Reload()
    names = ["coordinates", "curves", "importance", "learning_rate", "penalties", "time"]
    assert sorted(events.Tags()["images"]) == [f"sweep/{name}" for name in names]
    assert all(len(events.Images(f"sweep/{name}")) == 1 for name in names)
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [f"sweep_{name}.png" for name in names]
    row = EventAccumulator(str(event_folder(folder / "0"))).Reload()
    assert "_hparams_/session_start_info" in row.summary_metadata
    assert len(list((folder / "0" / "tensorboard").iterdir())) == 1


def test_the_task_writes_the_report_again_and_prints_the_best(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example_sweep(own_folder / "sweep")
    before = {path.name for path in (own_folder / "sweep").iterdir()}
    assert call(monkeypatch, "task=report", "sweep_dir=sweep") is None
    out = capsys.readouterr().out
    assert "learning rate: sgd best at 0.1 (0.97), adam best at 0.01 (0.97)" in out
    assert "penalties: best at l1 0, l2 0 (0.97)" in out
    assert f"failed: 1 of 16; first job 0: {EVIL}" in out
    assert out.rstrip().endswith("report: sweep/report.html")
    new = {path.name for path in (own_folder / "sweep").iterdir()} - before
    assert new == {"sweep.csv", "report.html", "figures", "tensorboard", "gradexp.log"}
    assert [path.name for path in own_folder.iterdir()] == ["sweep"], "a report writes nothing elsewhere"
