"""The user's metrics in the outputs of runs and sweeps, and after a resume in mid-epoch."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.datasets import load_digits

from gradexp import Result, run
from gradexp.reports.units import unit
from gradexp.sweeps.report.results import read_sweep, write_csv
from tests.command_line import call
from tests.run_folder import checkpoint, events
from tests.sweeps.small import UNREPORTED

pytestmark = pytest.mark.slow

C, R = "torchmetrics.classification.", "torchmetrics.regression."
F1 = f"+metrics.f1._target_={C}MulticlassF1Score"
SMALL: tuple[str, ...] = ("model.hidden=[6]", "optimizer.lr=0.05", "trainer.max_epochs=4", "figures=false")
SMALL += ("trainer.log_every_n_steps=10",)


def history(result: Result, tag: str) -> list[float]:
    return [event.value for event in events(result.folder).Scalars(tag)]


def test_a_monitored_metric_picks_the_best_epoch_and_is_in_all_outputs_of_a_run() -> None:
    result = run(*SMALL, F1, "monitor=val/f1")
    seen = history(result, "val/f1")
    assert result.metrics["best/val/f1"] == pytest.approx(max(seen))
    assert checkpoint(result.folder, "best")["epoch"] == 1 + int(np.argmax(seen))
    assert {"train/f1", "val/f1", "test/f1"} <= result.metrics.keys()
    assert len(history(result, "train/f1")) > 4
    written = json.loads((result.folder / "metrics.json").read_text())
    assert (written["monitor"], written["monitor_mode"]) == ("val/f1", "max")
    tested = run("task=test", f"ckpt_path={result.folder}/checkpoints/best.ckpt")
    assert tested.metrics["test/f1"] == result.metrics["test/f1"]
    predicted = run("task=predict", f"ckpt_path={result.folder}/checkpoints/best.ckpt")
    rows = list(csv.DictReader((predicted.folder / "predictions.csv").read_text().splitlines()))
    expected = sk.f1_score(load_digits().target[4::5], [int(row["class"]) for row in rows], average="macro")
    assert result.metrics["test/f1"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("overrides", "tag", "pick", "mode"),
    [
        ((f"+metrics.ce._target_={C}CalibrationError", "monitor=val/ce"), "val/ce", np.argmin, "min"),
        (("monitor_mode=min",), "val/accuracy", np.argmin, "min"),
        ((f"+metrics.s._target_={C}Specificity", "monitor=val/s", "monitor_mode=max"), "val/s", np.argmax, "max"),
        (("monitor=val/loss",), "val/loss", np.argmin, "min"),
    ],
)
def test_the_best_checkpoint_follows_the_mode(overrides: tuple[str, ...], tag: str, pick: Any, mode: str) -> None:
    result = run(*SMALL, "test=false", *overrides)
    seen = history(result, tag)
    assert checkpoint(result.folder, "best")["epoch"] == 1 + int(pick(seen))
    assert (result.metrics["monitor"], result.metrics["monitor_mode"]) == (tag, mode)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            (f"+metrics.s._target_={C}MulticlassSpecificity", "monitor=val/s"),
            "monitor_mode must be max or min for monitor=val/s",
        ),
        (("monitor=val/unknown",), "monitor must be a metric that the run logs"),
    ],
)
def test_a_monitor_without_a_mode_raises_before_the_first_step(
    overrides: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words in str(call(monkeypatch, *SMALL, *overrides))
    assert not list(Path().rglob("*.ckpt"))
    assert words in str(call(monkeypatch, "-m", *SMALL, *overrides, "seed=0,1"))


def test_a_sweep_ranks_by_a_user_metric_and_its_table_and_manifest_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = (*SMALL, UNREPORTED, "trainer.max_epochs=1", "test=false", "hydra.sweep.dir=sweep")
    ranked = (f"+metrics.ce._target_={C}CalibrationError", "monitor=val/ce", "optimizer.lr=0.001,0.05")
    assert call(monkeypatch, "-m", *quick, *ranked) is None
    manifest = json.loads(Path("sweep/manifest.json").read_text())
    assert (manifest["monitor"], manifest["monitor_mode"]) == ("val/ce", "min")
    results = read_sweep(Path("sweep"))
    assert results.monitor_mode == "min"
    rows = list(csv.DictReader(write_csv(results).read_text().splitlines()))
    assert len({float(row["val/ce"]) for row in rows}) == 2
    assert {row["monitor_mode"] for row in rows} == {"min"}


@pytest.mark.filterwarnings("ignore:Metric `SpearmanCorrcoef` will save all targets")
@pytest.mark.parametrize("target", [f"{R}PearsonCorrCoef", f"{R}SpearmanCorrCoef"])
@pytest.mark.parametrize("every", [4, 50])
def test_a_metric_that_cannot_be_merged_resumes_in_mid_epoch(target: str, every: int) -> None:
    settings: tuple[str, ...] = (
        "data=diabetes",
        "model.hidden=[4]",
        "data.batch_size=20",
        "figures=false",
        "test=false",
    )
    settings += (f"+metrics.corr._target_={target}", f"trainer.log_every_n_steps={every}")
    whole = run(*settings, "trainer.max_steps=12", "hydra.run.dir=whole")
    run(*settings, "trainer.max_steps=6", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_steps=12", "figures=false")
    assert resumed.metrics["steps"] == whole.metrics["steps"] == 12
    for name in ("train/corr", "train/loss"):
        assert resumed.metrics[name] == pytest.approx(whole.metrics[name], rel=1e-6), name


def test_a_users_rmse_is_reported_under_its_name() -> None:
    further = (f"+metrics.rmse._target_={R}MeanSquaredError", "+metrics.rmse.squared=false")
    result = run("data=diabetes", "model.hidden=[4]", "trainer.max_epochs=1", "figures=false", *further)
    assert result.metrics["val/rmse"] == pytest.approx(result.metrics["val/mse"] ** 0.5, rel=1e-5)
    assert unit("val/rmse", result.metrics) == "", "it is of standardised targets"
