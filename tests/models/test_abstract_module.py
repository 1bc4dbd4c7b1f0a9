"""A fit and its metrics against a loop in plain torch."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn import functional as F

from gradexp import MLPClassifier
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule

TRAIN, VAL = 37, 23  # samples: the last batch of each is smaller


def random_source(samples: int, seed: int) -> TensorSource:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(samples, 6, generator=generator)
    return TensorSource(inputs, (inputs.sum(dim=1) > 0).long() + (inputs[:, 0] > 0).long())


def loader(samples: int, batch_size: int, seed: int) -> BatchLoader:
    return BatchLoader(random_source(samples, seed), BatchOrder(samples, batch_size))


def small_model(**arguments: Any) -> MLPClassifier:
    torch.manual_seed(0)
    optimizer = {"_target_": "torch.optim.SGD", "lr": 0.3, "momentum": 0.9}
    return MLPClassifier(6, 3, hidden=(8,), activation="tanh", optimizer=optimizer, **arguments)


def fitted(model: AbstractModule, **arguments: Any) -> Trainer:
    """A plain trainer after its fit: batches of 8, 8, 8, 8, 5 and of 10, 10, 3."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    settings: dict[str, Any] = {"accelerator": "cpu", "enable_model_summary": False, "max_epochs": 1} | quiet
    trainer = Trainer(**(settings | arguments))
    trainer.fit(model, loader(TRAIN, 8, seed=1), loader(VAL, 10, seed=2))
    return trainer


def plain_fit(model: MLPClassifier, epochs: int) -> tuple[list[Tensor], dict[str, float]]:
    """The parameters after some epochs in plain torch from `model` on, and the metrics of the last epoch."""
    network = copy.deepcopy(model.network)
    l1, l2 = model.objective.factor("l1"), model.objective.factor("l2")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    source = random_source(TRAIN, seed=1)
    for start in [*range(0, TRAIN, 8)] * epochs:
        if start == 0:
            losses, penalties, right = [], [], 0
        inputs, targets = source.inputs[start : start + 8], source.targets[start : start + 8]
        outputs = network(inputs)
        loss = F.cross_entropy(outputs, targets)
        weights = [p for name, p in network.named_parameters() if name.endswith("weight")]
        penalty = sum((l1 * w.abs().sum() + l2 * (w**2).sum() for w in weights), torch.zeros(()))
        optimizer.zero_grad()
        (loss + penalty).backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimizer.step()
        losses += [loss.item()] * len(targets)
        penalties += [penalty.item()] * len(targets)
        right += int((outputs.argmax(dim=1) == targets).sum())
    means = {"train/loss": float(np.mean(losses)), "train/penalty": float(np.mean(penalties))}
    means |= {"train/objective": sum(means.values()), "train/accuracy": right / TRAIN, "lr": 0.3}
    return list(network.parameters()), means


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.002, 0.01)])
def test_a_fit_equals_a_loop_in_plain_torch(l1: float, l2: float) -> None:
    model = small_model(l1=l1, l2=l2)
    expected, _ = plain_fit(model, epochs=2)
    fitted(model, max_epochs=2)
    # Without a penalty the operations are the same, so the results are bit-identical.
    tolerance = 1e-5 if l1 else 0.0
    torch.testing.assert_close(list(model.parameters()), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.002, 0.01)])
@pytest.mark.parametrize(("epochs", "log_every_n_steps"), [(1, 1), (2, 2), (2, 50)])
def test_training_metrics_are_means_over_the_samples_of_the_last_epoch(
    l1: float, l2: float, epochs: int, log_every_n_steps: int
) -> None:
    model = small_model(l1=l1, l2=l2)
    _, expected = plain_fit(model, epochs)
    metrics = fitted(model, max_epochs=epochs, log_every_n_steps=log_every_n_steps).callback_metrics
    assert {name: metrics[name].item() for name in expected} == pytest.approx(expected, rel=1e-5)


def test_validation_metrics_are_means_over_samples_not_batches() -> None:
    model = small_model()
    metrics = fitted(model).callback_metrics
    source = random_source(VAL, seed=2)
    first, last = model.network.get_submodule("linear_1"), model.network.get_submodule("output")
    hidden = np.tanh(source.inputs.numpy() @ numpy(first.weight).T + numpy(first.bias))
    logits = hidden @ numpy(last.weight).T + numpy(last.bias)
    targets = source.targets.numpy()
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(VAL), targets]
    assert metrics["val/loss"].item() == pytest.approx(losses.mean(), rel=1e-5)
    assert metrics["val/accuracy"].item() == pytest.approx((logits.argmax(axis=1) == targets).mean())
    assert not {"val/penalty", "val/objective"} & metrics.keys()
    # The batches are uneven, so that a mean over batches would be another number.
    assert abs(np.mean([losses[:10].mean(), losses[10:20].mean(), losses[20:].mean()]) - losses.mean()) > 1e-3


def test_a_plain_trainers_test_returns_its_metrics() -> None:
    model = small_model()
    (returned,) = fitted(model).test(model, loader(VAL, 10, seed=2), verbose=False)
    assert returned.keys() == {"test/loss", "test/accuracy"}


def numpy(tensor: Any) -> Any:
    return tensor.detach().double().numpy()
