"""Everything that gradexp exports."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import torch
from torch import Tensor

import gradexp
import gradexp.data
import gradexp.models
from gradexp import MLPClassifier
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule, AbstractRegressor, FunctionDescent
from tests.models.fitting import fitted

SWEEPS = {"sweep", "load_sweep", "Sweep"}
CHECKOUT = Path(__file__).parents[1]


def concrete_modules() -> Iterator[type[AbstractModule]]:
    for module in iter_modules(gradexp.models.__path__, "gradexp.models."):
        import_module(module.name)
    waiting: list[type[AbstractModule]] = AbstractModule.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        # AbstractClassifier and AbstractRegressor have no abstract methods, but are base classes.
        if cls.__module__.startswith("gradexp.") and not cls.__subclasses__():
            yield cls


def build_model(cls: type[AbstractModule]) -> AbstractModule:
    """A model of six features, and of three classes if their number can be chosen."""
    torch.manual_seed(0)
    if cls is FunctionDescent:
        return FunctionDescent("himmelblau")
    parameters = inspect.signature(cls).parameters
    takes_any_number = "num_classes" in parameters and parameters["num_classes"].default is inspect.Parameter.empty
    arguments: dict[str, Any] = {"in_features": 6} | ({"num_classes": 3} if takes_any_number else {})
    return cls(**arguments)


def targets_for(model: AbstractModule) -> Tensor:
    """Numbers for a regressor, class indices for a classifier."""
    if isinstance(model, AbstractRegressor):
        return torch.randn(16, 1)
    return torch.randint(model.hparams.get("num_classes", 2), (16,))


@pytest.mark.parametrize("package", [gradexp, gradexp.data, gradexp.models])
def test_every_export_exists_and_has_a_docstring(package: Any) -> None:
    for name in package.__all__:
        exported = getattr(package, name)
        # A dataclass without a docstring gets its signature as one.
        assert exported.__doc__, name
        assert not exported.__doc__.startswith(f"{name}("), name


def test_every_concrete_model_is_final_and_exported() -> None:
    classes = list(concrete_modules())
    assert MLPClassifier in classes
    for cls in classes:
        assert getattr(cls, "__final__", False), cls
        assert cls.__name__ in gradexp.models.__all__


@pytest.mark.parametrize("cls", list(concrete_modules()), ids=lambda cls: cls.__name__)
def test_every_concrete_model_learns_from_one_step_of_a_plain_trainer(cls: type[AbstractModule]) -> None:
    model = build_model(cls)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    source = TensorSource(torch.randn(16, 6), targets_for(model))
    trainer = fitted(model, BatchLoader(source, BatchOrder(16, batch_size=None)), precision="32-true")
    assert trainer.global_step == 1
    after = [parameter.detach() for parameter in model.parameters()]
    assert after
    assert all(parameter.isfinite().all() for parameter in after)
    assert not any(map(torch.equal, before, after))
    assert trainer.callback_metrics["train/loss"].isfinite()


@pytest.mark.slow
def test_exports_are_complete_and_import_torch_only_when_used() -> None:
    assert {
        *gradexp.data.__all__,
        *gradexp.models.__all__,
        "audit",
        "compose",
        "load",
        "LoadedModel",
        "run",
        "Result",
    } | SWEEPS == set(gradexp.__all__)
    assert set(gradexp.__all__) <= set(dir(gradexp))
    code = "import sys, gradexp; from gradexp import rules; print('torch' in sys.modules)\n"
    code += "from gradexp import *; print(MNIST.__name__, run.__module__, 'torch' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=300
    ).stdout
    assert printed.splitlines() == ["False", "MNIST gradexp.app.experiment True"]
    with pytest.raises(AttributeError, match="module 'gradexp' has no attribute 'MNITS'"):
        _ = gradexp.MNITS
