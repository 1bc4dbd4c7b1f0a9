"""A walk over everything that gradexp exports."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import torch

import gradexp
import gradexp.models
from gradexp import MLPClassifier
from gradexp.models import AbstractModule


def concrete_modules() -> Iterator[type[AbstractModule]]:
    for module in iter_modules(gradexp.models.__path__, "gradexp.models."):
        import_module(module.name)
    waiting: list[type[AbstractModule]] = AbstractModule.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("gradexp.") and not inspect.isabstract(cls):
            yield cls


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
        torch.manual_seed(0)
        model: Any = cls(in_features=6, num_classes=3)  # type: ignore[call-arg]  # the base takes a network
        before = [parameter.clone() for parameter in model.parameters()]
        optimizer = model.configure_optimizers()
        model.training_step((torch.randn(16, 6), torch.randint(3, (16,))), 0).backward()
        optimizer.step()
        after = list(model.parameters())
        assert all(parameter.isfinite().all() for parameter in after)
        assert not any(map(torch.equal, before, after))
