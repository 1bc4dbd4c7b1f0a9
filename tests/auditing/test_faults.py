"""The audit finds each planted fault with the check meant for it, and passes correct models."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

import gradexp
from gradexp import (
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SigmoidUnits,
    SoftmaxRegression,
)
from gradexp.data.sources import Batch
from tests.auditing.conftest import CLASSES, FEATURES


def mlp(*extra: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Linear(16, CLASSES), *extra)


class WrongTanh(Function):
    """Its backward lacks the square."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x.tanh())
        return x.tanh()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient * (1 - y)  # type: ignore[no-any-return]


class BadTanh(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return WrongTanh.apply(x)  # type: ignore[no-any-return]


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class Mixing(nn.Module):
    """Uses a reshape where a transpose is meant."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[1], x.shape[0]).T


class ForgetsZeroGrad(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)  # type: ignore[no-any-return]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def optimizer_zero_grad(self, *arguments: Any) -> None:
        """Forgotten."""


class CallsZeroGrad(ForgetsZeroGrad):
    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()


def frozen() -> nn.Module:
    network = mlp()
    network[0].requires_grad_(False)
    return network


def zeroed() -> nn.Module:
    network = mlp()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network


def failed(module: nn.Module, batch: Batch, loss: Callable[[Tensor, Tensor], Tensor] | None = None) -> list[str]:
    return [check.name for check in gradexp.audit(module, batch, loss).failed]


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            lambda: nn.Sequential(nn.Linear(FEATURES, 8), BadTanh(), nn.Linear(8, CLASSES)),
            ["gradient of 0.weight"],
        ),
        (
            lambda: nn.Sequential(nn.Linear(FEATURES, 8), Detached(), nn.Linear(8, CLASSES)),
            ["gradient reaches every parameter", "gradient of 0.weight"],
        ),
        (lambda: mlp(nn.Softmax(1)), ["logits are free", "learns a few samples by heart"]),
        (lambda: MLPClassifier(FEATURES, CLASSES, [16], output_activation="relu"), ["logits are free"]),
        (lambda: mlp(Mixing()), ["samples do not mix"]),
        (ForgetsZeroGrad, ["gradients begin at zero"]),
        (frozen, ["gradient reaches every parameter"]),
        (zeroed, ["gradient reaches every parameter", "output depends on the input"]),
    ],
    ids=["backward", "detached", "softmax", "relu", "view", "zero_grad", "frozen", "zero_init"],
)
def test_planted_fault_is_found(module: Callable[[], nn.Module], expected: Sequence[str], batch: Batch) -> None:
    torch.manual_seed(0)
    names = failed(module(), batch)
    assert set(expected) <= set(names), names


def test_broadcast_targets_are_found(numbers: Batch) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU(), nn.Linear(16, 1))

    def broadcast(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets.T).square().mean()

    assert "loss is the mean over samples" in failed(network, numbers, broadcast)
    assert failed(network, numbers, F.mse_loss) == []


def test_loss_that_is_a_sum_is_found(batch: Batch) -> None:
    result = gradexp.audit(mlp(), batch, lambda outputs, targets: F.cross_entropy(outputs, targets, reduction="sum"))
    (check,) = (check for check in result.failed if check.name == "loss is the mean over samples")
    assert "sum over the batch" in check.advice


@pytest.mark.parametrize(
    "module",
    [
        mlp,
        CallsZeroGrad,
        lambda: MLPClassifier(FEATURES, CLASSES, [16], l1=1e-3, l2=1e-3, dropout=0.5),
        lambda: MLPClassifier(FEATURES, CLASSES, [16], batch_norm=True),
        lambda: MLPClassifier(FEATURES, CLASSES, [16], activation="sigmoid", backward="by_hand"),
        lambda: MLPClassifier(FEATURES, CLASSES, [16, 9], activation="sigmoid", l1=1e-3, l2=1e-3),
        lambda: SoftmaxRegression(FEATURES, CLASSES, l1=1e-3, l2=1e-3),
        lambda: SigmoidUnits(FEATURES, CLASSES, l2=1e-3),
    ],
    ids=["mlp", "lightning", "dropout", "batch_norm", "by_hand", "sigmoid", "softmax_regression", "perceptron"],
)
def test_correct_classifier_passes(module: Callable[[], nn.Module], batch: Batch) -> None:
    torch.manual_seed(0)
    audited = module()
    before = {name: value.clone() for name, value in audited.state_dict().items()}
    result = gradexp.audit(audited, batch)
    assert result.passed, result.failed
    assert all(torch.equal(value, before[name]) for name, value in audited.state_dict().items()), "not changed"
    assert all(parameter.grad is None for parameter in audited.parameters())
    names = {check.name: check.passed for check in result.checks}
    assert names["loss at the start"] is (None if isinstance(audited, SigmoidUnits) else True)
    forms = [check for check in result.checks if check.name.startswith("closed form of")]
    layers = [part for part in audited.modules() if isinstance(part, nn.Linear)]
    has_closed_form = isinstance(audited, SoftmaxRegression | SigmoidUnits) or (
        isinstance(audited, MLPClassifier) and any(isinstance(part, nn.Sigmoid) for part in audited.modules())
    )
    assert len(forms) == (2 * len(layers) if has_closed_form else 0)


@pytest.mark.parametrize(
    "module", [lambda: LinearRegression(FEATURES), lambda: LinearRegression(FEATURES, l1=0.1, l2=0.1),
               lambda: MLPRegressor(FEATURES, hidden=[16])]
)  # fmt: skip
def test_correct_regression_passes(module: Callable[[], nn.Module], numbers: Batch) -> None:
    torch.manual_seed(0)
    result = gradexp.audit(module(), numbers)
    assert result.passed, result.failed


def test_correct_logistic_regression_passes(batch: Batch) -> None:
    result = gradexp.audit(LogisticRegression(FEATURES), (batch[0], batch[1] % 2))
    assert result.passed, result.failed
    assert len([check for check in result.checks if check.name.startswith("closed form of")]) == 2


def test_invalid_batch_raises(batch: Batch) -> None:
    for wrong in (batch[0], (batch[0], batch[1][:3]), (batch[0], "x"), (batch[0][:0], batch[1][:0])):
        with pytest.raises(ValueError, match="batch must be a pair of tensors"):
            gradexp.audit(mlp(), wrong)
