"""Losses of other packages, and the cross-entropy with a hand-written backward."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.fitting import fitted
from tests.objective.loss_cases import batches_for, made


class Focal(nn.Module):
    """Focal loss of logits and classes (Lin et al. 2017)."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        log_p = outputs.log_softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1)
        return -((1 - log_p.exp()) ** self.gamma * log_p).mean()


class EachSample(nn.Module):
    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, reduction="none")


class NoTensor(nn.Module):
    def forward(self, outputs: Tensor, targets: Tensor) -> float:
        return 1.0


class Penalised(nn.CrossEntropyLoss):
    """A sub-class that computes another loss."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return super().forward(outputs, targets) + outputs.square().mean()


HERE: dict[str, Any] = {"trusted_packages": ["gradexp", "tests"]}


def path_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def test_a_loss_of_another_package_trains_and_is_logged() -> None:
    model = made("SoftmaxRegression", {"_target_": path_of(Focal), "gamma": 1.0}, **HERE)
    loader = batches_for(model)
    optimizer = {"_target_": "torch.optim.SGD", "lr": 1e-9}
    model = made("SoftmaxRegression", {"_target_": path_of(Focal), "gamma": 1.0}, optimizer=optimizer, **HERE)
    metrics = fitted(model, loader, precision="32-true").callback_metrics
    inputs, targets = (torch.cat(parts) for parts in zip(*loader, strict=True))
    with torch.no_grad():
        p = model(inputs).softmax(1).double().numpy()[np.arange(14), targets]
    assert metrics["train/loss"].item() == pytest.approx(-((1 - p) * np.log(p)).mean(), rel=1e-5)


def test_a_list_becomes_a_tensor_if_the_loss_takes_one() -> None:
    model = made("MLPClassifier", {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2, 3]})
    assert isinstance(model.objective.loss, nn.CrossEntropyLoss)
    assert model.objective.loss.weight is not None
    assert model.objective.loss.weight.tolist() == [1.0, 2.0, 3.0]
    fitted(model, batches_for(model), precision="32-true")


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("MLPClassifier", path_of(EachSample), r"loss must return one number per batch.*; got shape \[6\]"),
        ("MLPClassifier", path_of(NoTensor), "loss must return one number per batch.*; got a float from NoTensor"),
        ("MLPClassifier", "torch.nn.CosineEmbeddingLoss", r"loss must take outputs \[6, 3\] of float32 and targets"),
        ("MLPClassifier", "torch.nn.ReLU", r"loss must take outputs \[6, 3\] of float32 and targets \[6\] of int64"),
        ("MLPRegressor", "torch.nn.GaussianNLLLoss", "loss must take outputs .*; got GaussianNLLLoss: "),
        ("MLPRegressor", path_of(Focal), "loss must take outputs .*; got Focal: "),
    ],
)
def test_a_loss_that_fails_on_the_first_batch_is_refused_before_a_step(name: str, target: str, message: str) -> None:
    model = made(name, {"_target_": target}, **HERE)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match=message):
        fitted(model, batches_for(model), precision="32-true")
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize(
    "loss",
    [
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"_target_": "gradexp.objective.losses.Hinge"},
        {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2, 3]},
        {"_target_": path_of(Penalised)},
    ],
)
def test_backward_by_hand_refuses_any_other_loss(loss: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"model\.backward must be autograd, but for a cross-entropy .*; got by_hand"):
        made("MLPClassifier", loss, backward="by_hand", activation="sigmoid", **HERE)


@pytest.mark.parametrize("loss", [None, {"_target_": "torch.nn.CrossEntropyLoss"}])
def test_cross_entropy_by_hand_trains_as_by_autograd(loss: Any) -> None:
    trained = []
    for backward in ("autograd", "by_hand"):
        model = made("MLPClassifier", loss, backward=backward, activation="sigmoid")
        fitted(model, batches_for(model), precision="32-true")
        trained.append([parameter.detach() for parameter in model.parameters()])
    torch.testing.assert_close(*trained)
