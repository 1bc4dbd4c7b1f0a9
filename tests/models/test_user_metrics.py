"""The user's metrics of torchmetrics: values against scikit-learn, and which metrics are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lightning.pytorch import Trainer
from scipy.stats import pearsonr
from sklearn import metrics as sk
from torch import Tensor

from gradexp import MLPRegressor
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule
from tests.objective.loss_cases import made

Array = npt.NDArray[np.float64]
C, R = "torchmetrics.classification.", "torchmetrics.regression."
SAMPLES = 45


def inputs_and_classes(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(SAMPLES, 4, generator=generator)
    noisy = inputs[:, 0] + torch.randn(SAMPLES, generator=generator)
    return inputs, torch.bucketize(noisy, torch.linspace(-1, 1, classes + 1)[1:-1])


def logged(model: AbstractModule, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    """The metrics of one epoch with batches of 7 and a last one of 3."""
    loader = BatchLoader(TensorSource(inputs, targets), BatchOrder(SAMPLES, 7))
    settings: dict[str, Any] = {"accelerator": "cpu", "max_epochs": 1, "log_every_n_steps": 2, "logger": False}
    settings |= {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(num_sanity_val_steps=0, **settings)
    trainer.fit(model, loader, loader)
    return {name: value.item() for name, value in trainer.callback_metrics.items()}


FROZEN = {"_target_": "torch.optim.SGD", "lr": 1e-12}  # the weights do not change
# Of targets [samples] and probabilities [samples, classes], or of targets and predictions.
Oracle = Callable[[Array, Array], float]
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
PEARSON = {"_target_": f"{R}PearsonCorrCoef"}  # torchmetrics cannot merge its states


def sections(oracles: dict[str, tuple[dict[str, Any], Oracle]]) -> dict[str, Any]:
    return {name: section for name, (section, _) in oracles.items()}


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples in targets")  # in the few samples between two logs
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
def test_classification_metrics_equal_scikit_learns_in_training_and_validation(
    name: str, classes: int, oracles: dict[str, tuple[dict[str, Any], Oracle]]
) -> None:
    inputs, targets = inputs_and_classes(classes)
    model = made(name, in_features=4, num_classes=classes, metrics=sections(oracles), optimizer=FROZEN)
    metrics = logged(model, inputs, targets)
    with torch.no_grad():
        probabilities = model.predictions(model(inputs)).double()
    p = (probabilities / probabilities.sum(1, keepdim=True)).numpy()
    for metric, (_, oracle) in oracles.items():
        for stage in ("train", "val"):
            assert metrics[f"{stage}/{metric}"] == pytest.approx(oracle(targets.numpy(), p), abs=1e-5), (stage, metric)


def test_regression_metrics_equal_scikit_learns_for_one_and_several_targets() -> None:
    for targets_each in (1, 3):
        torch.manual_seed(0)
        inputs = torch.randn(SAMPLES, 4)
        targets = inputs[:, :targets_each] + 3 + torch.randn(SAMPLES, targets_each)
        configured = sections(REGRESSION) | ({"pearson": PEARSON} if targets_each == 1 else {})
        configured |= {"rse": {"_target_": f"{R}RelativeSquaredError"}}
        model = MLPRegressor(4, targets_each, hidden=[5], metrics=configured, optimizer=FROZEN)
        metrics = logged(model, inputs, targets)
        with torch.no_grad():
            outputs = model(inputs).double().numpy()
        for stage in ("train", "val"):
            for metric, (_, oracle) in REGRESSION.items():
                # torchmetrics takes the root of the mean over all targets, scikit-learn the mean of the targets' roots.
                rmse = np.sqrt(np.mean((targets.numpy() - outputs) ** 2))
                expected = rmse if metric == "rmse" else oracle(targets.double().numpy(), outputs)
                assert metrics[f"{stage}/{metric}"] == pytest.approx(expected, rel=1e-4), (stage, metric)
            if targets_each == 1:
                expected = pearsonr(targets[:, 0].numpy(), outputs[:, 0]).statistic
                assert metrics[f"{stage}/pearson"] == pytest.approx(expected, abs=1e-5)
            each = np.sum((targets.numpy() - outputs) ** 2, 0) / np.sum((targets - targets.mean(0)).numpy() ** 2, 0)
            assert metrics[f"{stage}/rse"] == pytest.approx(each.mean(), rel=1e-4)


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
            r"x must give one.*Try average=mac",
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
        ("MLPClassifier", {"accuracy": {"_target_": f"{C}F1Score"}}, r"metrics\.accuracy must have an unused name"),
        ("MLPClassifier", {"loss": {"_target_": f"{C}F1Score"}}, r"metrics\.loss must have an unused name"),
        ("MLPClassifier", {"val/f1": {"_target_": f"{C}F1Score"}}, r"of letters, digits and _; got 'val/f1'"),
        ("MLPRegressor", {"r2": {"_target_": f"{R}R2Score"}}, r"metrics\.r2 must have an unused name"),
        (
            "MLPRegressor",
            {"f1": {"_target_": f"{C}F1Score"}},
            r"metrics\.f1\._target_ must be a metric of real numbers",
        ),
        ("FunctionDescent", {"f1": {"_target_": f"{C}F1Score"}}, "metrics must be empty for FunctionDescent; got f1"),
        ("MLPClassifier", "f1", "metrics must be a section of keys and values; got 'f1'"),
    ],
)
def test_a_metric_that_does_not_fit_raises_when_the_model_is_built(name: str, metrics: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(name, metrics=metrics)


def test_trying_a_metric_does_not_change_the_random_numbers() -> None:
    weights, drawn = [], []
    for metrics in ({}, {"f1": {"_target_": f"{C}F1Score"}}):
        weights.append(made("MLPClassifier", metrics=metrics).network.get_parameter("output.weight"))
        drawn.append(torch.rand(1))
    assert torch.equal(*weights)
    assert torch.equal(*drawn)
