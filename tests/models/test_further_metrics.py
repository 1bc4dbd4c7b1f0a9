"""Metrics of torchmetrics by section: against scikit-learn, in whatever a run leaves, and which of them are refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from lightning.pytorch import Trainer
from omegaconf import OmegaConf
from scipy.stats import pearsonr
from sklearn import metrics as sk
from sklearn.datasets import load_digits
from torch import Tensor
from torchmetrics import MeanSquaredError

import gradexp.models
from gradexp import MLPRegressor, Result, run
from gradexp.configuration.files import CONF_DIR
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule
from gradexp.models.further_metrics import OWN_NAMES, metric_mode
from gradexp.objective import monitor
from gradexp.sweeps.report.results import read_sweep, write_csv
from tests.command_line import call
from tests.objective.fitting_losses import FITS, made
from tests.run_folder import checkpoint, events
from tests.sweeps.small import UNREPORTED

pytestmark = pytest.mark.slow

Array = npt.NDArray[np.float64]
C, R = "torchmetrics.classification.", "torchmetrics.regression."
SAMPLES = 45


def inputs_and_classes(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(SAMPLES, 4, generator=generator)
    noisy = inputs[:, 0] + torch.randn(SAMPLES, generator=generator)
    return inputs, torch.bucketize(noisy, torch.linspace(-1, 1, classes + 1)[1:-1])


def measured(model: AbstractModule, inputs: Tensor, targets: Tensor, **trainer: Any) -> dict[str, float]:
    """Of an epoch of uneven batches that learns nothing."""
    loader = BatchLoader(TensorSource(inputs, targets), BatchOrder(SAMPLES, 7))
    settings: dict[str, Any] = {"precision": "32-true", "limit_val_batches": 1.0, "log_every_n_steps": 2}
    quiet: dict[str, Any] = {"accelerator": "cpu", "max_epochs": 1, "logger": False, "enable_checkpointing": False}
    quiet |= {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    run_by = Trainer(**(quiet | settings | trainer))
    run_by.fit(model, loader, loader)
    return {name: value.item() for name, value in run_by.callback_metrics.items()}


FROZEN = {"_target_": "torch.optim.SGD", "lr": 1e-12}
Oracle = Callable[[Array, Array], float]  # of targets and probabilities [samples, classes], or of targets and numbers
MULTICLASS: dict[str, tuple[dict[str, Any], Oracle]] = {
    "f1": ({"_target_": f"{C}MulticlassF1Score"}, lambda t, p: sk.f1_score(t, p.argmax(1), average="macro")),
    "micro": ({"_target_": f"{C}F1Score", "average": "micro"}, lambda t, p: sk.accuracy_score(t, p.argmax(1))),
    "precision": (
        {"_target_": "torchmetrics.Precision", "average": "weighted"},
        lambda t, p: sk.precision_score(t, p.argmax(1), average="weighted", zero_division=0),
    ),
    "recall": (
        {"_target_": f"{C}MulticlassRecall"},
        lambda t, p: sk.recall_score(t, p.argmax(1), average="macro"),
    ),
    "auroc": ({"_target_": f"{C}AUROC"}, lambda t, p: sk.roc_auc_score(t, p, multi_class="ovr", average="macro")),
    "top2": (
        {"_target_": "torchmetrics.Accuracy", "top_k": 2, "average": "micro"},
        lambda t, p: sk.top_k_accuracy_score(t, p, k=2),
    ),
    "kappa": ({"_target_": f"{C}MulticlassCohenKappa"}, lambda t, p: sk.cohen_kappa_score(t, p.argmax(1))),
}
BINARY: dict[str, tuple[dict[str, Any], Oracle]] = {
    "f1": ({"_target_": f"{C}BinaryF1Score"}, lambda t, p: sk.f1_score(t, p[:, 1] > 0.5)),
    "auroc": ({"_target_": f"{C}BinaryAUROC"}, lambda t, p: sk.roc_auc_score(t, p[:, 1])),
    "ap": ({"_target_": f"{C}BinaryAveragePrecision"}, lambda t, p: sk.average_precision_score(t, p[:, 1])),
    "task": ({"_target_": f"{C}Precision", "task": "binary"}, lambda t, p: sk.precision_score(t, p[:, 1] > 0.5)),
    "macro": ({"_target_": f"{C}MulticlassF1Score"}, lambda t, p: sk.f1_score(t, p.argmax(1), average="macro")),
}
REGRESSION: dict[str, tuple[dict[str, Any], Oracle]] = {
    "mae": ({"_target_": f"{R}MeanAbsoluteError"}, sk.mean_absolute_error),
    "rmse": ({"_target_": f"{R}MeanSquaredError", "squared": False}, sk.root_mean_squared_error),
    "evs": ({"_target_": f"{R}ExplainedVariance"}, sk.explained_variance_score),
    "mape": ({"_target_": f"{R}MeanAbsolutePercentageError"}, sk.mean_absolute_percentage_error),
}
PEARSON = {"_target_": f"{R}PearsonCorrCoef"}  # whose states torchmetrics cannot merge


def sections(oracles: dict[str, tuple[dict[str, Any], Oracle]]) -> dict[str, Any]:
    return {name: section for name, (section, _) in oracles.items()}


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples in targets")  # in the few between two logs
@pytest.mark.parametrize(
    ("name", "classes", "oracles"),
    [
        ("MLPClassifier", 3, MULTICLASS),
        ("SigmoidUnits", 3, {key: MULTICLASS[key] for key in ("f1", "recall", "kappa")}),
        ("MLPClassifier", 2, BINARY),
        ("LogisticRegression", 2, BINARY),
        ("SigmoidUnits", 2, BINARY),
    ],
)
def test_classification_metrics_are_scikit_learns_in_training_and_validation(
    name: str, classes: int, oracles: dict[str, tuple[dict[str, Any], Oracle]]
) -> None:
    inputs, targets = inputs_and_classes(classes)
    model = made(name, in_features=4, num_classes=classes, metrics=sections(oracles), optimizer=FROZEN)
    found = measured(model, inputs, targets)
    with torch.no_grad():
        probabilities = model.predictions(model(inputs)).double()
    p = (probabilities / probabilities.sum(1, keepdim=True)).numpy()
    for metric, (_, oracle) in oracles.items():
        for stage in ("train", "val"):
            assert found[f"{stage}/{metric}"] == pytest.approx(oracle(targets.numpy(), p), abs=1e-5), (stage, metric)


def test_regression_metrics_are_scikit_learns_of_one_target_and_of_several() -> None:
    for targets_each in (1, 3):
        torch.manual_seed(0)
        inputs = torch.randn(SAMPLES, 4)
        targets = inputs[:, :targets_each] + 3 + torch.randn(SAMPLES, targets_each)
        further = sections(REGRESSION) | ({"pearson": PEARSON} if targets_each == 1 else {})
        further |= {"rse": {"_target_": f"{R}RelativeSquaredError"}}
        model = MLPRegressor(4, targets_each, hidden=[5], metrics=further, optimizer=FROZEN)
        found = measured(model, inputs, targets)
        with torch.no_grad():
            outputs = model(inputs).double().numpy()
        for stage in ("train", "val"):
            for metric, (_, oracle) in REGRESSION.items():
                # torchmetrics takes the root of the mean over all targets, scikit-learn the mean of the roots.
                rmse = np.sqrt(np.mean((targets.numpy() - outputs) ** 2))
                expected = rmse if metric == "rmse" else oracle(targets.double().numpy(), outputs)
                assert found[f"{stage}/{metric}"] == pytest.approx(expected, rel=1e-4), (stage, metric)
            if targets_each == 1:
                expected = pearsonr(targets[:, 0].numpy(), outputs[:, 0]).statistic
                assert found[f"{stage}/pearson"] == pytest.approx(expected, abs=1e-5)
            each = np.sum((targets.numpy() - outputs) ** 2, 0) / np.sum((targets - targets.mean(0)).numpy() ** 2, 0)
            assert found[f"{stage}/rse"] == pytest.approx(each.mean(), rel=1e-4)


# Refused


@pytest.mark.parametrize(
    ("name", "metrics", "message"),
    [
        (
            "MLPClassifier",
            {"cm": {"_target_": f"{C}ConfusionMatrix"}},
            r"metrics\.cm must give one number; got Multi.*",
        ),
        (
            "MLPClassifier",
            {"x": {"_target_": f"{C}F1Score", "average": None}},
            r"x must give one.*There is average=mac",
        ),
        ("MLPClassifier", {"roc": {"_target_": f"{C}MulticlassROC"}}, r"metrics\.roc must give one .* gives a tuple"),
        ("MLPClassifier", {"f1": {"_target_": f"{C}BinaryF1Score"}}, r"metrics\.f1\._target_ must be a metric of 3 cl"),
        ("MLPClassifier", {"f1": {"_target_": f"{C}F1Score", "task": "binary"}}, r"of 3 classes; got BinaryF1Score"),
        ("MLPClassifier", {"mse": {"_target_": f"{R}MeanSquaredError"}}, r"mse\._target_ must be a metric of predicti"),
        ("MLPClassifier", {"b": {"_target_": "torchmetrics.text.BLEUScore"}}, r"metrics\.b\._target_ must be a metric"),
        (
            "MLPClassifier",
            {"f": {"_target_": f"{C}F1Scor"}},
            r"metrics\.f\._target_ must name a metric.*mean F1Score\?",
        ),
        ("MLPClassifier", {"f": {"_target_": f"{C}MulticlassF1Score", "avrage": "micro"}}, r"metrics\.f must have arg"),
        ("MLPClassifier", {"f": {"_target_": f"{C}MulticlassFBetaScore"}}, r"metrics\.f\.beta must be given"),
        ("MLPClassifier", {"f": {"_target_": "os.system"}}, r"metrics\.f\._target_ must name a class in a trusted"),
        ("MLPClassifier", {"f": {}}, r"metrics\.f\._target_ must be the dotted path of a metric"),
        ("MLPClassifier", {"accuracy": {"_target_": f"{C}F1Score"}}, r"metrics\.accuracy must have a name of its own"),
        ("MLPClassifier", {"loss": {"_target_": f"{C}F1Score"}}, r"metrics\.loss must have a name of its own"),
        ("MLPClassifier", {"val/f1": {"_target_": f"{C}F1Score"}}, r"of letters, digits and _; got 'val/f1'"),
        ("MLPRegressor", {"r2": {"_target_": f"{R}R2Score"}}, r"metrics\.r2 must have a name of its own"),
        (
            "MLPRegressor",
            {"f1": {"_target_": f"{C}F1Score"}},
            r"metrics\.f1\._target_ must be a metric of real numbers",
        ),
        ("FunctionDescent", {"f1": {"_target_": f"{C}F1Score"}}, "metrics must be empty for FunctionDescent; got f1"),
        ("MLPClassifier", "f1", "metrics must be a section of keys and values; got 'f1'"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_when_the_model_is_made(name: str, metrics: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(name, metrics=metrics)


def test_trying_a_metric_leaves_the_random_numbers_as_they_are() -> None:
    weights = [made("MLPClassifier", metrics=further).network.get_parameter("output.weight") for further in (
        {}, {"f1": {"_target_": f"{C}F1Score"}},
    )]  # fmt: skip
    drawn = []
    for further in ({}, {"f1": {"_target_": f"{C}F1Score"}}):
        made("MLPClassifier", metrics=further)
        drawn.append(torch.rand(1))
    assert torch.equal(*weights)
    assert torch.equal(*drawn)


# Which way is better


def test_what_the_monitor_takes_for_better_is_the_classes_own_word() -> None:
    known = {"error": "min"}  # of the decomposition into bias and variance, no class's
    for name in FITS:
        own = made(name).val_metrics
        known |= {metric: metric_mode(each) for metric, each in own.metrics.items(keep_base=True)}  # type: ignore[misc]
    assert known | dict.fromkeys(OWN_NAMES, "min") == dict(monitor.OWN)
    assert {name for name in gradexp.models.__all__ if not name.startswith("Abstract")} == set(FITS)


@pytest.mark.parametrize(
    ("section", "mode"),
    [
        ({"_target_": f"{C}MulticlassF1Score"}, "max"),
        ({"_target_": "torchmetrics.Accuracy", "top_k": 5}, "max"),
        ({"_target_": "torchmetrics.CalibrationError"}, "min"),
        ({"_target_": f"{R}MeanAbsoluteError"}, "min"),
        ({"_target_": f"{C}MulticlassSpecificity"}, None),
    ],
)
def test_the_mode_is_the_metrics_own_word_or_what_is_asked_for(section: dict[str, Any], mode: str | None) -> None:
    config: dict[str, Any] = {"monitor": "val/loss_of_mine", "metrics": {"loss_of_mine": section}}
    assert monitor.monitor_mode(config) == mode
    for asked in ("max", "min"):
        assert monitor.monitor_mode(config | {"monitor_mode": asked}) == asked


class OwnError(MeanSquaredError):
    """A metric of the user's own package."""

    higher_is_better = True  # the other way round than its base


def test_a_search_goes_the_way_of_the_metric_be_it_of_a_package_of_the_users() -> None:
    metrics = {"mine": {"_target_": f"{OwnError.__module__}.OwnError"}, "f1": {"_target_": "torchmetrics.F1Score"}}
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        for monitored, packages in (("mine", ["gradexp", "tests"]), ("f1", ["gradexp"])):
            cfg = hydra_compose(
                "config", ["hydra/sweeper=search", f"monitor=val/{monitored}"], return_hydra_config=True
            )
            OmegaConf.update(cfg, "metrics", metrics, force_add=True)
            cfg.trusted_packages = packages
            assert cfg.hydra.sweeper.direction == "maximize"


F1 = f"+metrics.f1._target_={C}MulticlassF1Score"
SMALL: tuple[str, ...] = ("model.hidden=[6]", "optimizer.lr=0.05", "trainer.max_epochs=4", "figures=false")
SMALL += ("trainer.log_every_n_steps=10",)


def history(result: Result, tag: str) -> list[float]:
    return [event.value for event in events(result.folder).Scalars(tag)]


def test_a_monitored_metric_picks_the_best_epoch_and_is_in_all_that_a_run_leaves() -> None:
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
def test_best_is_what_the_mode_says(overrides: tuple[str, ...], tag: str, pick: Any, mode: str) -> None:
    result = run(*SMALL, "test=false", *overrides)
    seen = history(result, tag)
    assert checkpoint(result.folder, "best")["epoch"] == 1 + int(pick(seen))
    assert (result.metrics["monitor"], result.metrics["monitor_mode"]) == (tag, mode)


@pytest.mark.parametrize(
    "overrides",
    [
        (f"+metrics.s._target_={C}MulticlassSpecificity", "monitor=val/s"),
        ("monitor=val/unheard_of",),
    ],
)
def test_a_metric_that_does_not_say_which_way_is_better_is_an_error_before_the_first_step(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = str(call(monkeypatch, *SMALL, *overrides))
    assert f"monitor_mode must be max or min for {overrides[-1]}" in message
    assert not list(Path().rglob("*.ckpt"))
    message = str(call(monkeypatch, "-m", *SMALL, *overrides, "seed=0,1"))
    assert f"monitor_mode must be max or min for {overrides[-1]}" in message


def test_a_sweep_ranks_by_it_and_its_table_and_manifest_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
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


# Of an epoch that was cut


@pytest.mark.filterwarnings("ignore:Metric `SpearmanCorrcoef` will save all targets")
@pytest.mark.parametrize("target", [f"{R}PearsonCorrCoef", f"{R}SpearmanCorrCoef"])
@pytest.mark.parametrize("every", [4, 50])
def test_a_metric_that_keeps_samples_goes_on_in_mid_epoch(target: str, every: int) -> None:
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


def test_a_root_mean_squared_error_of_the_users_own_is_the_one_that_is_reported() -> None:
    further = (f"+metrics.rmse._target_={R}MeanSquaredError", "+metrics.rmse.squared=false")
    result = run("data=diabetes", "model.hidden=[4]", "trainer.max_epochs=1", "figures=false", *further)
    assert result.metrics["val/rmse"] == pytest.approx(result.metrics["val/mse"] ** 0.5, rel=1e-5)
