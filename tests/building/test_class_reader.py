"""The static reader against Python's own inspect, over all classes that a configuration is likely to name."""

import inspect
import sys
from importlib import import_module
from pathlib import Path

import pytest

from gradexp.building.class_reader import read_class, read_function
from gradexp.building.class_source import ClassSource
from gradexp.building.kinds import KINDS
from gradexp.building.signatures import UNKNOWN
from gradexp.rules import FRACTION

# Modules whose classes are read, and the kind that they are of.
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
def test_every_class_is_read_as_inspect_sees_it(module_name: str) -> None:
    module = import_module(module_name)
    bases = tuple(imported(base) for base in KINDS[WALKED[module_name]].bases if base.partition(".")[0] in sys.modules)
    walked = 0
    lazy = {name: getattr(module, name) for name in getattr(module, "__all__", ())}  # imported on first use
    for name, cls in (vars(module) | lazy).items():
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
    """The same names, and the same of them required; of open keywords the reader may know more than inspect."""
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
            # No rule refuses what the class itself takes where nothing is given.
            plain = isinstance(default, str | bool | int | float | None)
            assert not plain or parameter.rule is None or parameter.rule.holds(default), (cls, name)


def test_the_trainer_is_read() -> None:
    from lightning.pytorch import Trainer

    source = read_class("lightning.pytorch.Trainer")
    assert source is not None
    check_signature(source, Trainer)


def test_metrics_keywords_are_those_of_their_base() -> None:
    source = read_class("torchmetrics.classification.MulticlassF1Score")
    assert source is not None
    assert source.signature is not None
    assert not source.signature.takes_any
    assert {"compute_on_cpu", "dist_sync_on_step", "sync_on_compute"} <= source.signature.parameters.keys()


@pytest.mark.parametrize("module_name", ["torchmetrics.classification", "torchmetrics.regression"])
def test_the_better_way_of_a_metric_is_read(module_name: str) -> None:
    from torchmetrics import Metric

    for name, cls in vars(import_module(module_name)).items():
        if inspect.isclass(cls) and issubclass(cls, Metric):
            source = read_class(f"{module_name}.{name}")
            assert source is not None
            found = source.attribute("higher_is_better")
            assert found in (UNKNOWN, cls.higher_is_better), name
            assert found is not UNKNOWN or isinstance(cls.higher_is_better, property | None), name


def test_functions_are_read() -> None:
    found = read_function("torch.nn.init.xavier_uniform_")
    assert found is not None
    assert list(found.parameters) == ["tensor", "gain", "generator"]


PACKAGE = {
    "__init__.py": "from .nets import *\nfrom .nets import Small as Tiny\nfrom .options import Options\n",
    "nets.py": """
from typing import Annotated, Unpack, Literal
from gradexp.rules import FRACTION
from .base import Base
from .options import Options
from . import base as roots

__all__ = ["Small", "Big", "Alias"]

Way = Literal["up", "down"]

class Small(Base):
    def __init__(self, width: int, dropout: Annotated[float, FRACTION] = 0.1, way: Way | None = None, *, tall=False):
        super().__init__(width)

class Big(Small): ...

Alias = Big

class Hidden(roots.Base): ...

class Free(Base):
    def __init__(self, *args, width=3, **kwargs): self.kwargs = kwargs

class Passing(Base):
    def __init__(self, colour="red", **kwargs):
        super().__init__(depth=1, **kwargs)

class Typed(Base):
    def __init__(self, first, **options: Unpack[Options]) -> None: ...

class Made:
    def __new__(cls, size=1): ...
""",
    "base.py": """
class Base:
    better = True
    def __init__(self, width, depth=2): ...
""",
    "options.py": """
from typing import Annotated, NotRequired, Required, TypedDict
from gradexp.rules import FRACTION

class Shared(TypedDict):
    rate: float

class Options(Shared, total=False):
    share: Annotated[float, FRACTION]
    must: Required[int]
""",
    "lazy.py": "def __getattr__(name): ...\n",
    "broken.py": "class Broken:\n    def __init__(self: ...\n",
    "circle.py": "from .other import Round\n",
    "other.py": "from .circle import Round\n",
    "values.py": (
        "from dataclasses import dataclass\nthing = 3\nmade = type('M', (), {})\n@dataclass\nclass Data:\n    x: int\n"
    ),
}


@pytest.fixture
def package(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = own_folder / "read_me"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(own_folder)
    return "read_me"


def read(path: str) -> ClassSource:
    source = read_class(path)
    assert source is not None
    return source


def takes(path: str) -> dict[str, bool]:
    signature = read(path).signature
    assert signature is not None
    return {name: parameter.required for name, parameter in signature.parameters.items()}


def test_re_exports_aliases_and_inherited_constructors_are_followed(package: str) -> None:
    small = {"width": True, "dropout": False, "way": False, "tall": False}
    for name in ("Small", "Tiny", "Big", "Alias", "nets.Small"):
        assert takes(f"{package}.{name}") == small, name
    assert takes(f"{package}.nets.Hidden") == {"width": True, "depth": False}
    assert takes(f"{package}.nets.Made") == {"size": False}
    assert read(f"{package}.Tiny").path == f"{package}.nets.Small"
    assert read(f"{package}.Alias").is_subclass([f"{package}.base.Base"]) is True
    assert read(f"{package}.Alias").is_subclass(["torch.nn.Module"]) is False
    assert read(f"{package}.Alias").attribute("better") is True
    assert package not in sys.modules


def test_open_keywords_are_followed_to_where_they_go(package: str) -> None:
    assert takes(f"{package}.nets.Passing") == {"colour": False, "width": True}
    free = read(f"{package}.nets.Free").signature
    assert free is not None
    assert free.takes_any


def test_the_keys_of_a_typed_dict_are_arguments(package: str) -> None:
    assert takes(f"{package}.nets.Typed") == {"first": True, "rate": True, "share": False, "must": True}
    signature = read(f"{package}.nets.Typed").signature
    assert signature is not None
    assert signature.parameters["share"].rule == FRACTION


def test_rules_are_read_from_annotations(package: str) -> None:
    signature = read(f"{package}.Small").signature
    assert signature is not None
    rules = {name: parameter.rule for name, parameter in signature.parameters.items()}
    assert rules["dropout"] == FRACTION
    assert rules["way"] is not None
    assert [rules["way"].holds(value) for value in ("up", None, "left")] == [True, True, False]
    assert rules["width"] is not None
    assert [rules["width"].holds(value) for value in (3, 0.5, "x")] == [True, False, False]


@pytest.mark.parametrize("name", ["lazy.Any", "broken.Broken", "circle.Round", "values.made"])
def test_what_the_source_does_not_show_is_unreadable(package: str, name: str) -> None:
    assert read_class(f"{package}.{name}") is None


def test_a_dataclass_writes_its_own_constructor(package: str) -> None:
    assert read(f"{package}.values.Data").signature is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nets.Smal", "has no Smal. Did you mean Small?"),
        ("Hidden", "read_me has no Hidden"),
        ("nowhere.Small", "there is no module read_me.nowhere"),
        ("values.thing", "is no class"),
    ],
)
def test_a_name_that_is_not_there_is_refused(package: str, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        read_class(f"{package}.{name}")
