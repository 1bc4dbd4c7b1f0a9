"""The source reader against Python's inspect, over all classes that a configuration is likely to name."""

import inspect
import sys
from importlib import import_module

import pytest
from lightning.pytorch import Trainer
from torchmetrics import Metric

from gradexp.building.class_reader import read_class, read_function
from gradexp.building.class_source import ClassSource
from gradexp.building.kinds import KINDS
from gradexp.building.signatures import UNKNOWN

# Modules whose classes are read, and the kind of the classes.
WALKED = {
    "torch.optim": "optimizer",
    "torch.optim.lr_scheduler": "scheduler",
    "torch.nn": "activation",
    "torchmetrics.classification": "metrics",
    "torchmetrics.regression": "metrics",
    "lightning.pytorch.callbacks": "callbacks",
    "lightning.pytorch.loggers": "logger",
    "lion_pytorch": "optimizer",
    "pytorch_optimizer": "optimizer",
    "gradexp.models": "model",
    "gradexp.data": "data",
    "gradexp.callbacks": "callbacks",
    "gradexp.reports": "callbacks",
}
STARS = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def imported(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found


@pytest.mark.parametrize("module_name", WALKED)
def test_the_source_gives_the_signature_of_inspect(module_name: str) -> None:
    module = import_module(module_name)
    bases = tuple(imported(base) for base in KINDS[WALKED[module_name]].bases if base.partition(".")[0] in sys.modules)
    walked = 0
    for name in {*vars(module), *getattr(module, "__all__", ())}:  # some classes are imported on first use
        cls = getattr(module, name)
        if name.startswith("_") or not inspect.isclass(cls) or not issubclass(cls, bases) or cls in bases:
            continue
        source = read_class(f"{module_name}.{name}")
        assert source is not None, name
        assert source.name == cls.__name__
        assert source.is_subclass(KINDS[WALKED[module_name]].bases) is True, name
        check_signature(source, cls)
        walked += 1
    assert walked > 0


def check_signature(source: ClassSource, cls: type) -> None:
    """Compare names and which are required; for ``**kwargs`` the reader may know more names than inspect."""
    signature = source.signature
    assert signature is not None, cls
    parameters = inspect.signature(cls).parameters.values()
    expected = {p.name: p.default is p.empty for p in parameters if p.kind not in STARS}
    found = {name: parameter.required for name, parameter in signature.parameters.items()}
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
    assert list(found)[: len(expected)] == list(expected), cls
    assert found.items() >= expected.items(), cls
    assert is_open or (found == expected and not signature.takes_any), cls
    for name, parameter in signature.parameters.items():
        if parameter.default is not UNKNOWN and name in expected:
            default = inspect.signature(cls).parameters[name].default
            assert default == parameter.default or default != default, (cls, name)
            # A rule must accept the class's own default.
            plain = isinstance(default, str | bool | int | float | None)
            assert not plain or parameter.rule is None or parameter.rule.holds(default), (cls, name)


def test_the_trainers_signature_is_read() -> None:
    source = read_class("lightning.pytorch.Trainer")
    assert source is not None
    check_signature(source, Trainer)


def test_a_metrics_keywords_include_its_bases() -> None:
    source = read_class("torchmetrics.classification.MulticlassF1Score")
    assert source is not None
    assert source.signature is not None
    assert not source.signature.takes_any
    assert {"compute_on_cpu", "dist_sync_on_step", "sync_on_compute"} <= source.signature.parameters.keys()


@pytest.mark.parametrize("module_name", ["torchmetrics.classification", "torchmetrics.regression"])
def test_higher_is_better_of_a_metric_is_read(module_name: str) -> None:
    for name, cls in vars(import_module(module_name)).items():
        if inspect.isclass(cls) and issubclass(cls, Metric):
            source = read_class(f"{module_name}.{name}")
            assert source is not None
            found = source.attribute("higher_is_better")
            assert found in (UNKNOWN, cls.higher_is_better), name
            assert found is not UNKNOWN or isinstance(cls.higher_is_better, property | None), name


def test_a_functions_signature_is_read() -> None:
    found = read_function("torch.nn.init.xavier_uniform_")
    assert found is not None
    assert list(found.parameters) == ["tensor", "gain", "generator"]
