"""The source reader on a small package: re-exports, keywords, rules, and what cannot be read."""

import sys
from pathlib import Path

import pytest

from gradexp.building.class_reader import read_class
from gradexp.building.class_source import ClassSource
from gradexp.rules import FRACTION

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


def test_kwargs_are_followed_to_the_base_class(package: str) -> None:
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
def test_names_that_the_source_does_not_show_are_unreadable(package: str, name: str) -> None:
    assert read_class(f"{package}.{name}") is None


def test_a_dataclass_has_no_readable_signature(package: str) -> None:
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
def test_a_missing_name_is_refused(package: str, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        read_class(f"{package}.{name}")
