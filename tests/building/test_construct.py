"""Classes by dotted path: only from trusted packages, of the right kind, with arguments that they take."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from gradexp.building.construct import construct
from gradexp.building.trust import foreign_packages, trusted_class
from gradexp.models import MLPClassifier

KEY = "callbacks.mine._target_"


@dataclass
class Model(Callback):
    """Takes two arguments."""

    width: int
    seed: int = 0


class Greedy(Callback):
    """Takes any keyword argument."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `stranger` on the path; returns the file that importing it writes."""
    trace = tmp_path / "imported"
    code = f"""
from pathlib import Path
Path({str(trace)!r}).touch()
from {__name__} import Callback
class Mine(Callback): ...
"""
    (tmp_path / "stranger.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger", raising=False)
    return trace


@pytest.mark.parametrize(
    "target", ["stranger.Mine", "stranger", "stranger.sub.Mine", ".stranger.Mine", "os.system", ""]
)
def test_an_untrusted_package_is_refused_and_not_imported(stranger: Path, target: str) -> None:
    with pytest.raises(ValueError, match=r"must (name a class in a trusted package|be the dotted path)"):
        trusted_class(target, "callbacks", ["gradexp", "tests"], KEY)
    assert not stranger.exists()
    assert "stranger" not in sys.modules


def test_the_message_says_how_to_trust_a_package(stranger: Path) -> None:
    with pytest.raises(ValueError, match=r"add trusted_packages=\[gradexp,stranger\]"):
        trusted_class("stranger.Mine", "callbacks", ["gradexp"], KEY)
    found = trusted_class("stranger.Mine", "callbacks", ["gradexp", "stranger"], KEY)
    assert found.__name__ == "Mine"
    assert stranger.exists()
    sys.modules.pop("stranger")


def test_a_package_with_a_trusted_prefix_is_not_trusted() -> None:
    with pytest.raises(ValueError, match="trusted package"):
        trusted_class("gradexp_evil.Mine", "callbacks", ["gradexp"], KEY)


@pytest.mark.parametrize("target", ["gradexp.models.MLPClassifier", "gradexp.MLPClassifier"])
def test_a_class_is_found_where_it_is_exported(target: str) -> None:
    assert trusted_class(target, "model", ["gradexp"]) is MLPClassifier


def test_the_message_for_a_missing_class_lists_the_valid_ones() -> None:
    expected = r"got .*\.Modle\. Did you mean Model\? tests\.building\.test_construct has Greedy, Model\."
    with pytest.raises(ValueError, match=expected):
        trusted_class(f"{__name__}.Modle", "callbacks", ["tests"], KEY)


@pytest.mark.parametrize("name", ["Path", "pytest", "KEY", "Callback"])
def test_a_name_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"must name a callback of Lightning's; got .*\.{name}\."):
        trusted_class(f"{__name__}.{name}", "callbacks", ["tests"], KEY)


@pytest.mark.parametrize("target", ["gradexp.modles.MLPClassifier", "gradexp..MLPClassifier", "gradexp"])
def test_a_path_to_no_class_is_refused_by_key(target: str) -> None:
    with pytest.raises(ValueError, match=r"callbacks\.mine\._target_ must"):
        trusted_class(target, "callbacks", ["gradexp"], KEY)


def test_an_abstract_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\._target_"):
        trusted_class("gradexp.models.AbstractModule", "model", ["gradexp"])


def test_construct_passes_all_given_and_the_accepted_offered_arguments() -> None:
    assert construct(Model, "model", {"width": 3}, {"seed": 5, "classes": 10}) == Model(width=3, seed=5)
    assert construct(Greedy, "model", {"width": 3}, {"seed": 5}).arguments == {"width": 3}  # its signature has no names


def test_the_message_for_an_unknown_argument_suggests_the_nearest_one() -> None:
    expected = r"model\.widht is not an argument of Model, which takes width, seed\. Did you mean width\?"
    with pytest.raises(ValueError, match=expected):
        construct(Model, "model", {"widht": 3}, {})


@pytest.mark.parametrize(
    ("given", "offered", "name"),
    [({"width": 1, "seed": 2}, {"seed": 3}, "seed"), ({}, {"seed": 3}, "width")],
    ids=["given and offered", "missing"],
)
def test_a_duplicate_or_missing_argument_is_refused_by_key(
    given: dict[str, Any], offered: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=rf"model\.{name}"):
        construct(Model, "model", given, offered)


def test_packages_of_classes_outside_the_trusted_modules_are_named_with_their_first_key() -> None:
    settings = {
        "model": {"_target_": "gradexp.models.MLPClassifier", "activation": "torch.nn.ReLU", "init": "my.init.zeros_"},
        "optimizer": {"_target_": "torch.optim.Adam"},
        "scheduler": {"_target_": "torch.optim.lr_scheduler.SequentialLR", "schedulers": [{"_target_": "yours.Rate"}]},
        "callbacks": {"a": {"_target_": "lightning.pytorch.callbacks.Timer"}, "b": {"_target_": "yours.Callback"}},
        "logger": {"x": {"_target_": "lightning.pytorch.callbacks.Timer"}},
        "data": {"_target_": None, "path": "theirs.csv", "target": "a.b"},
    }  # fmt: skip
    assert foreign_packages(settings) == {
        "my": "model.init=my.init.zeros_",
        "yours": "scheduler.schedulers.0._target_=yours.Rate",
        "lightning": "logger.x._target_=lightning.pytorch.callbacks.Timer",
    }
    assert foreign_packages({"model._target_": "a.B"}, ["a"]) == {}
    assert foreign_packages({"model._target_": ["a.B", "c.D"]}) == {
        "a": "model._target_=a.B",
        "c": "model._target_=c.D",
    }
