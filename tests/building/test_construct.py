"""Classes by name: only of trusted packages, only of the right kind, only with arguments they take."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gradexp.construction import construct, trusted_class
from gradexp.models import AbstractModule, MLPClassifier

KEY = "model._target_"


class Base:
    """What a configuration may name."""


@dataclass
class Model(Base):
    """Takes two arguments."""

    width: int
    seed: int = 0


class Greedy(Base):
    """Takes whatever comes."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `stranger` that can be imported, and the file that its import writes."""
    trace = tmp_path / "imported"
    code = (
        f"from pathlib import Path\nPath({str(trace)!r}).touch()\nfrom {__name__} import Base\nclass Mine(Base): ...\n"
    )
    (tmp_path / "stranger.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    return trace


@pytest.mark.parametrize(
    "target", ["stranger.Mine", "stranger", "stranger.sub.Mine", ".stranger.Mine", "os.system", ""]
)
def test_a_package_that_nobody_named_is_refused_and_not_imported(stranger: Path, target: str) -> None:
    with pytest.raises(ValueError, match=r"model\._target_ must name a class in a trusted package \(gradexp, tests\)"):
        trusted_class(target, Base, ["gradexp", "tests"], KEY)
    assert not stranger.exists()
    assert "stranger" not in sys.modules


def test_the_refusal_says_how_to_trust_a_package_and_that_works(stranger: Path) -> None:
    with pytest.raises(ValueError, match=r"add trusted_packages=\[gradexp,stranger\]"):
        trusted_class("stranger.Mine", Base, ["gradexp"], KEY)
    found = trusted_class("stranger.Mine", Base, ["gradexp", "stranger"], KEY)
    assert found.__name__ == "Mine"
    assert stranger.exists()
    sys.modules.pop("stranger")


def test_trusting_a_package_does_not_trust_one_whose_name_begins_alike() -> None:
    with pytest.raises(ValueError, match="trusted package"):
        trusted_class("gradexp_evil.Mine", Base, ["gradexp"], KEY)


@pytest.mark.parametrize("target", ["gradexp.models.MLPClassifier", "gradexp.MLPClassifier"])
def test_a_class_is_found_where_it_is_exported(target: str) -> None:
    assert trusted_class(target, AbstractModule, ["gradexp"], KEY) is MLPClassifier  # type: ignore[type-abstract]


def test_a_missing_class_is_answered_with_the_valid_ones() -> None:
    expected = r"got .*\.Modle\. Did you mean Model\? tests\.test_construction has Greedy, Model\."
    with pytest.raises(ValueError, match=expected):
        trusted_class(f"{__name__}.Modle", Base, ["tests"], KEY)


@pytest.mark.parametrize("name", ["Path", "pytest", "KEY"])
def test_another_kind_of_thing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"model\._target_ must name a Base; got .*\.{name}\."):
        trusted_class(f"{__name__}.{name}", Base, ["tests"], KEY)


@pytest.mark.parametrize(
    "target",
    [
        "gradexp.modles.MLPClassifier",
        "gradexp..MLPClassifier",
        pytest.param("gradexp"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_by_key(target: str) -> None:
    with pytest.raises(ValueError, match=r"model\._target_ must name"):
        trusted_class(target, Base, ["gradexp"], KEY)


def test_an_abstract_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\._target_"):
        trusted_class("gradexp.models.AbstractModule", AbstractModule, ["gradexp"], KEY)  # type: ignore[type-abstract]


def test_an_object_gets_all_that_is_given_and_what_it_takes_of_the_offer() -> None:
    assert construct(Model, "model", {"width": 3}, {"seed": 5, "classes": 10}) == Model(width=3, seed=5)
    assert construct(Greedy, "model", {"width": 3}, {"seed": 5}).arguments == {"width": 3, "seed": 5}


def test_an_unknown_argument_is_refused_with_the_nearest_one() -> None:
    expected = r"model\.widht is not an argument of Model, which takes width, seed\. Did you mean width\?"
    with pytest.raises(ValueError, match=expected):
        construct(Model, "model", {"widht": 3}, {})


@pytest.mark.parametrize(
    ("given", "offered", "name"),
    [({"width": 1, "seed": 2}, {"seed": 3}, "seed"), ({}, {"seed": 3}, "width")],
    ids=["given and offered", "missing"],
)
def test_an_argument_that_comes_twice_or_not_at_all_is_refused_by_key(
    given: dict[str, Any], offered: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=rf"model\.{name}"):
        construct(Model, "model", given, offered)
