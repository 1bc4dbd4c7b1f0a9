"""The audit with every loss: correct models pass, and a wrong backward is found."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gradexp
from gradexp import run
from gradexp.data.sources import Batch
from gradexp.models import AbstractModule, AbstractRegressor
from tests.auditing.conftest import CLASSES, FEATURES
from tests.objective.loss_cases import FITS, section

BALANCED = {"class_weight": "balanced"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("MLPClassifier", section("cross_entropy") | {"label_smoothing": 0.2}),
    ("MLPClassifier", section("cross_entropy") | BALANCED),
    ("MLPClassifier", section("hinge")),
    ("MLPClassifier", section("hinge") | {"class_weight": [1, 2, 3, 4]}),
    ("SoftmaxRegression", section("cross_entropy") | {"label_smoothing": 0.2, "class_weight": [1, 2, 3, 4]}),
    ("SoftmaxRegression", section("hinge")),
    ("LogisticRegression", section("bce") | {"class_weight": [0.5, 2.0]}),
    ("LogisticRegression", section("hinge")),
    ("SigmoidUnits", section("bce")),
    ("SigmoidUnits", section("mse")),
    ("SigmoidUnits", section("huber")),
    ("SigmoidUnits", section("l1")),
    ("LinearRegression", section("huber")),
    ("LinearRegression", section("l1")),
    ("MLPRegressor", section("huber")),
    ("MLPRegressor", section("l1")),
]
# Networks of linear layers and sigmoids, whose gradients have closed forms.
WITH_CLOSED_FORM = ("SoftmaxRegression", "LogisticRegression", "SigmoidUnits", "LinearRegression")


def made(name: str, loss: dict[str, Any]) -> AbstractModule:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"in_features": FEATURES, "l2": 1e-4, "loss": loss}
    arguments |= {"num_classes": CLASSES} if name in ("MLPClassifier", "SoftmaxRegression", "SigmoidUnits") else {}
    arguments |= {"hidden": [16]} if name.startswith("MLP") else {}
    module: AbstractModule = getattr(gradexp, name)(**arguments)
    return module


def samples_for(module: AbstractModule, batch: Batch, numbers: Batch) -> Batch:
    if isinstance(module, AbstractRegressor):
        return numbers
    return batch[0], batch[1] % module.hparams.get("num_classes", 2)


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_correct_model_passes(name: str, loss: dict[str, Any], batch: Batch, numbers: Batch) -> None:
    module = made(name, loss)
    result = gradexp.audit(module, samples_for(module, batch, numbers))
    assert result.passed, result.failed
    forms = [check.name for check in result.checks if check.name.startswith("closed form of")]
    assert len(forms) == (2 if name in WITH_CLOSED_FORM else 0)


class TwiceTheGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return 2 * gradients[0]


class BrokenLoss(nn.Module):
    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        value: Tensor = self.loss(TwiceTheGradient.apply(outputs), targets)
        return value


@pytest.mark.parametrize(("name", "loss"), CASES[::3])
def test_wrong_backward_is_found_with_any_loss(name: str, loss: dict[str, Any], batch: Batch, numbers: Batch) -> None:
    module = made(name, loss)
    assert module.objective.loss is not None
    module.objective.loss = BrokenLoss(module.objective.loss)
    result = gradexp.audit(module, samples_for(module, batch, numbers))
    assert any(check.name.startswith("gradient of") for check in result.failed), result.failed


def test_weighted_mean_of_torch_passes(batch: Batch) -> None:
    module = made("MLPClassifier", {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2, 3, 4]})
    assert gradexp.audit(module, batch).failed == []


def test_audit_task_uses_balanced_weights_as_training_does() -> None:
    figures = {}
    for weight in ("null", "balanced"):
        result = run("task=audit", "data=breast_cancer", "model=softmax_regression", f"loss.class_weight={weight}")
        assert result.metrics["checks/failed"] == 0
        checks = json.loads((result.folder / "audit.json").read_text())["checks"]
        (figures[weight],) = (check["figure"] for check in checks if check["name"] == "loss is the mean over samples")
    assert figures["null"] != figures["balanced"]


def test_cases_cover_every_model_with_several_losses() -> None:
    assert {name for name, options in FITS.items() if len(options) > 1} - {"MLPFromScratch"} == {
        name for name, _ in CASES
    }
