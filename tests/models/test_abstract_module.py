"""What every model shares: training and validation metrics against a replay by hand, and a walk over the exports."""

import copy
import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn import functional as F

import gradexp
import gradexp.models
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
    optimizer = {"name": "SGD", "lr": 0.3, "momentum": 0.9}
    return MLPClassifier(6, 3, hidden=(8,), activation="tanh", optimizer=optimizer, **arguments)


def fitted(model: AbstractModule, **arguments: Any) -> Trainer:
    """A plain trainer after its fit: batches of 8, 8, 8, 8, 5 and of 10, 10, 3."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    settings: dict[str, Any] = {"accelerator": "cpu", "enable_model_summary": False, "max_epochs": 1} | quiet
    trainer = Trainer(**(settings | arguments))
    trainer.fit(model, loader(TRAIN, 8, seed=1), loader(VAL, 10, seed=2))
    return trainer


def concrete_modules() -> Iterator[type[AbstractModule]]:
    for module in iter_modules(gradexp.models.__path__, "gradexp.models."):
        import_module(module.name)
    waiting: list[type[AbstractModule]] = AbstractModule.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("gradexp.") and not inspect.isabstract(cls):
            yield cls


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.002, 0.01)])
@pytest.mark.parametrize(("epochs", "log_every_n_steps"), [(1, 1), (2, 2), (2, 50)])
def test_the_last_epoch_equals_its_replay_in_plain_torch(
    l1: float, l2: float, epochs: int, log_every_n_steps: int
) -> None:
    model = small_model(l1=l1, l2=l2)
    network = copy.deepcopy(model.network)
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
        (loss + penalty).backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
        optimizer.step()
        losses += [loss.item()] * len(targets)
        penalties += [penalty.item()] * len(targets)
        right += int((outputs.argmax(dim=1) == targets).sum())

    metrics = fitted(model, max_epochs=epochs, log_every_n_steps=log_every_n_steps).callback_metrics
    expected = {
        "train/loss": np.mean(losses),
        "train/penalty": np.mean(penalties),
        "train/objective": np.mean(losses) + np.mean(penalties),
        "train/accuracy": right / TRAIN,
        "lr": 0.3,
    }
    assert {name: metrics[name].item() for name in expected} == pytest.approx(expected, rel=1e-5)
    for mine, replayed in zip(model.network.parameters(), network.parameters(), strict=True):
        # Without a penalty the very same operations ran, so not one bit may differ.
        tolerance = 1e-5 if l1 else 0.0
        torch.testing.assert_close(mine, replayed, rtol=tolerance, atol=tolerance)


def test_validation_metrics_are_means_over_samples_not_batches() -> None:
    model = small_model()
    metrics = fitted(model).callback_metrics
    source = random_source(VAL, seed=2)
    first, _, last = model.network[1], model.network[2], model.network[3]
    hidden = np.tanh(source.inputs.numpy() @ numpy(first.weight).T + numpy(first.bias))
    logits = hidden @ numpy(last.weight).T + numpy(last.bias)
    targets = source.targets.numpy()
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(VAL), targets]
    assert metrics["val/loss"].item() == pytest.approx(losses.mean(), rel=1e-5)
    assert metrics["val/accuracy"].item() == pytest.approx((logits.argmax(axis=1) == targets).mean())
    assert not {"val/penalty", "val/objective"} & metrics.keys()
    # The batches are uneven, so that a mean over batches would have been another number.
    assert abs(np.mean([losses[:10].mean(), losses[10:20].mean(), losses[20:].mean()]) - losses.mean()) > 1e-3


def test_zero_factors_add_nothing_to_the_loss() -> None:
    model, source = small_model(), random_source(TRAIN, seed=1)
    batch = (source.inputs, source.targets)
    assert torch.equal(model.training_step(batch, 0), model.loss(model(source.inputs), source.targets))
    assert model.penalty().item() == 0


@pytest.mark.parametrize("package", [gradexp, gradexp.models])
def test_every_export_exists_and_has_a_docstring(package: Any) -> None:
    for name in package.__all__:
        exported = getattr(package, name)
        # A dataclass without one gets its signature for a docstring.
        assert exported.__doc__, name
        assert not exported.__doc__.startswith(f"{name}("), name


def test_every_concrete_model_is_final_and_learns_from_one_step() -> None:
    classes = list(concrete_modules())
    assert MLPClassifier in classes
    for cls in classes:
        assert getattr(cls, "__final__", False), cls
        assert cls.__name__ in gradexp.models.__all__
        model: Any = cls(in_features=6, num_classes=3)  # type: ignore[call-arg]  # the base takes a network
        before = [parameter.clone() for parameter in model.parameters()]
        trainer = fitted(model, max_steps=1, limit_val_batches=0)
        assert trainer.global_step == 1
        after: list[Tensor] = list(model.parameters())
        assert all(parameter.isfinite().all() for parameter in after)
        assert not any(map(torch.equal, before, after))


def numpy(tensor: Any) -> Any:
    return tensor.detach().double().numpy()
