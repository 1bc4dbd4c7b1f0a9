"""The page of a run: by report=true at its end and by task=report at any time, whatever became of the run."""

import base64
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gradexp import run
from gradexp.models import MLPClassifier
from gradexp.reports.units import LONGEST
from gradexp.rules.words import duration
from gradexp.sweeps.report.page_parts import number
from tests.command_line import call
from tests.sweeps.report.parsed_page import page, text

SHORT = (
    "model.hidden=[8]",
    "trainer.max_epochs=2",
    "data.batch_size=100",
    "trainer.log_every_n_steps=5",
    "figures=false",
)
ODD = "name=odd.name-1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its page, which several tests read and do not change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("reported"))
        result = run(*SHORT, ODD, "regularizer.l2=1e-4", "report=true", "figure_size=column", "hydra.run.dir=a run")
        assert any(note.endswith("report.html") for note in result.notes)
        return result.folder


def test_the_page_of_a_run_tells_all_of_it_and_loads_nothing(trained: Path) -> None:
    found = page(trained)
    said = text(trained)
    source = (trained / "report.html").read_text()
    own = source[: source.index("plotly.js")] + source[source.rindex("</script>") :]
    assert not re.search(r"(src|href)=\"?(https?:)?//", own)
    assert all(link.startswith(("data:", "#")) for link in found.links)
    assert "default-src 'none'" in source
    metrics = json.loads((trained / "metrics.json").read_text())
    assert "The run is completed, after 2 epochs and 26 steps." in said
    typed = "'model.hidden=[8]' trainer.max_epochs=2 data.batch_size=100 trainer.log_every_n_steps=5 figures=false"
    assert f"python -m gradexp {typed} {ODD} regularizer.l2=1e-4 report=true figure_size=column" in said
    for row in (
        "model.hidden [200,200] [8]",
        "trainer.max_epochs 20 2",
        "name default odd.name-1",
        "regularizer.l2 0.0 0.0001",
    ):
        assert row in said
    assert "data.val_size" not in said, "it is the default"
    assert f"accuracy {metrics['best/val/accuracy']:.2%}" in said
    assert "fitting: " in said, "the diagnosis"
    assert f"fit {duration(metrics['seconds/fit'])}" in said
    assert f"{metrics['memory/peak_mib']:,.0f} MiB at most" in said
    assert metrics["versions"] in said
    assert metrics["machine"] in said
    figures = json.loads(found.data["figure-data"])
    assert list(figures) == [
        "curves_loss",
        "curves_accuracy",
        "curves_objective",
        "curves_penalty",
        "confusion",
        "reliability",
    ]
    assert said.count("is wrong") + len(re.findall(r'<figure><img alt="sample', source)) > 0
    assert "network.linear_1.weight 8 x 64" in said


def papers(folder: Path) -> dict[str, bytes]:
    """The files for papers within a page, by name."""
    found = re.findall(r'download="([^"]+)" href="data:[^,]+;base64,([^"]+)"', (folder / "report.html").read_text())
    return {name: base64.b64decode(content) for name, content in found}


def test_each_figure_is_within_the_page_as_svg_and_pdf_in_the_size_of_a_paper(trained: Path) -> None:
    files = papers(trained)
    figures = [*json.loads(page(trained).data["figure-data"]), "most_wrong", "weights_first_layer"]
    assert set(files) == {f"{name}.{kind}" for name in figures for kind in ("svg", "pdf")}
    for name in figures:
        head = files[f"{name}.svg"].decode().partition("viewBox")[0]
        width = re.search(r'width="([\d.]+)pt"', head)
        assert width is not None, head
        assert float(width[1]) == pytest.approx(3.3 * 72)
        assert files[f"{name}.pdf"].startswith(b"%PDF")


def test_its_predictions_are_those_of_the_tested_weights_on_the_validation_samples(trained: Path) -> None:
    found = page(trained)
    figures = json.loads(found.data["figure-data"])
    model = MLPClassifier.load_from_checkpoint(trained / "checkpoints" / "best.ckpt", weights_only=True).eval()
    digits = load_digits()
    is_test = np.arange(len(digits.target)) % 5 == 4
    total = int(np.sum(figures["confusion"]["data"][0]["customdata"]))
    assert total == json.loads((trained / "metrics.json").read_text())["samples/val"] == 200
    right = np.trace(np.array(figures["confusion"]["data"][0]["customdata"]))
    assert right / total == pytest.approx(json.loads((trained / "metrics.json").read_text())["best/val/accuracy"])
    assert (~is_test).sum() > total, "of the training part"
    weights = model.state_dict()["network.linear_1.weight"]
    assert f"{weights.max():.4g}" in text(trained)


def test_the_task_writes_the_same_page_from_the_folder_alone(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page(trained)
    folder = Path(shutil.copytree(trained, tmp_path / "copied"))
    (folder / "report.html").unlink()
    assert call(monkeypatch, "task=report", f"sweep_dir={folder}", "figure_size=column") is None
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {folder}/report.html"
    assert json.loads(page(folder).data["figure-data"]) == json.loads(before.data["figure-data"])
    lines = [text(one).partition("This page")[0].replace(str(one), "RUN") for one in (trained, folder)]
    assert lines[0] == lines[1]
    # Matplotlib numbers the elements of an SVG at random unless its salt is set: the files are the same, too.
    assert papers(folder) == papers(trained)


def test_an_unfinished_a_failed_and_a_foreign_run_have_a_page_with_what_there_is(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(trained, tmp_path / "run"))
    (folder / "figures").mkdir()
    for kind in ("png", "svg"):
        (folder / "figures" / f"own_figure.{kind}").write_bytes(kind.encode())

    def reported() -> str:
        assert call(monkeypatch, "task=report", f"sweep_dir={folder}") is None
        return text(folder)

    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").unlink()
    said = reported()
    assert "The run is interrupted: it has not ended, and this page shows what it left." in said
    assert f"task=train ckpt_path={folder}/checkpoints/last.ckpt" in said
    assert "No predictions: the run is interrupted." in said
    assert "network.output.bias" in said
    assert papers(folder)["own_figure.svg"] == b"svg", "a figure of the run's own, for which there is no PDF"
    assert "own_figure.pdf" not in papers(folder)
    reason = "<b>no</b> memory"
    (folder / "metrics.json").write_text(json.dumps({"status": "failed", "reason": reason}))
    said = reported()
    assert f"The run is failed. {reason}" in said
    assert "No diagnosis: the run is failed" in said
    assert "<b>" not in (folder / "report.html").read_text().partition("<main>")[2].partition("</main>")[0]
    # A class of another package, which the folder names, is not imported.
    (folder / "metrics.json").write_text(json.dumps(metrics))
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["config"]["model"]["_target_"] = "strange_package.Model"
    torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
    said = reported()
    assert "No predictions: trusted_packages must name the packages of all classes" in said
    assert "curves_loss" in json.loads(page(folder).data["figure-data"])
    shutil.rmtree(folder / "checkpoints")
    assert "No weights: the folder has no checkpoint." in reported()
    assert "Traceback" not in capsys.readouterr().err


def test_a_regression_has_residuals_and_a_diverged_run_its_reason(tmp_path: Path) -> None:
    short = ("trainer.max_epochs=1", "figures=false", "report=true")
    metrics = run("+experiment=diabetes", *short, f"hydra.run.dir={tmp_path / 'fit'}").metrics
    figures = json.loads(page(tmp_path / "fit").data["figure-data"])
    assert {"predicted_against_true.svg", "residuals.pdf"} <= papers(tmp_path / "fit").keys()
    assert {"predicted_against_true", "residuals"} <= figures.keys()
    said = text(tmp_path / "fit")
    assert "Residuals (predicted - true, in the units of the target): root mean square" in said
    assert "sample predicted true age sex bmi" in said
    target = "target" if len(metrics["target_name"]) > LONGEST else metrics["target_name"]
    assert f"rmse {number(metrics['test/rmse'])} [{target}]" in said
    assert f"mse {number(metrics['test/mse'])} [std^2]" in said
    assert f"units [{target}] the targets' own, [std] their standard deviation" in said
    result = run("optimizer=sgd", "optimizer.lr=1e6", *short, f"hydra.run.dir={tmp_path / 'diverged'}")
    assert result.metrics["status"] == "diverged"
    said = text(tmp_path / "diverged")
    assert "The run is diverged" in said
    assert result.metrics["reason"] in said


def test_a_folder_of_another_program_or_of_a_task_without_a_model_is_refused_and_stays_as_it_is(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    os.mkfifo(tmp_path / "other" / "pipe")
    message = str(call(monkeypatch, "task=report", f"sweep_dir={tmp_path}/other"))
    assert message.startswith("error: sweep_dir must be the folder of a multirun, with its jobs' folders in it; got")
    compared = tmp_path / "compared" / ".hydra"
    compared.mkdir(parents=True)
    config = (trained / ".hydra" / "config.yaml").read_text()
    (compared / "config.yaml").write_text(config.replace("task: train", "task: compare"))
    message = str(call(monkeypatch, "task=report", f"sweep_dir={tmp_path}/compared"))
    assert "a run that trains or measures a model; got" in message
    assert message.endswith("which is of task=compare.")
    assert not list(tmp_path.glob("*/report.html"))


def test_report_has_no_effect_on_tasks_that_measure_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(call(monkeypatch, "task=audit", "report=true"))
    assert "report has no effect with task=audit, only with task=train and task=test" in message
