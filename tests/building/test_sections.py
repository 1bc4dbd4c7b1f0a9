"""Which sections with a `_target_` pass and which are refused, without an import."""

import sys
from pathlib import Path
from typing import Any

import pytest

from gradexp.building.sections import check_section

OURS = ("gradexp",)


@pytest.mark.parametrize(
    ("kind", "section", "trusted"),
    [
        ("metrics", {"_target_": "torchmetrics.F1Score", "average": "macro", "compute_on_cpu": True}, OURS),
        ("loss", {"_target_": "torch.nn.CrossEntropyLoss", "label_smoothing": 0.1}, OURS),
        ("loss", {"_target_": None}, OURS),
        ("scheduler", {"_target_": None, "warmup_steps": 3}, OURS),
        ("scheduler", {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "interval": "step", "pct_start": 0.3}, OURS),
        ("optimizer", {"_target_": "lion_pytorch.Lion", "lr": 1e-4}, (*OURS, "lion_pytorch")),
        ("optimizer", {"_target_": "pytorch_optimizer.Lion", "lr": 0}, (*OURS, "pytorch_optimizer")),
        ("optimizer", {"_target_": "torch.optim.ASGD", "alpha": 1.5}, OURS),  # a power; RMSprop's is a share
        ("optimizer", {"_target_": "torch.optim.RMSprop", "alpha": 0.0, "momentum": 0.0}, OURS),
        ("model", {"_target_": "gradexp.MLPClassifier", "hidden": [3]}, OURS),
        ("activation", {"_target_": "torch.nn.LeakyReLU", "negative_slope": 0.2}, OURS),
    ],
)
def test_valid_sections_pass(kind: str, section: dict[str, Any], trusted: tuple[str, ...]) -> None:
    check_section(kind, section, kind, trusted)


@pytest.mark.parametrize(
    ("kind", "section", "words"),
    [
        ("metrics", {"_target_": "torch.nn.ReLU"}, "must name a class in a trusted package"),
        ("metrics", {"_target_": "torchmetrics.F1Scor"}, "must name a metric of torchmetrics.* Did you mean F1Score"),
        ("loss", {"_target_": "torch.nn.CrossEntropyLoss", "label_smoothing": {}}, "must be a number; got {}"),
        ("loss", {"_target_": "torch.nn.functional.relu"}, "must name a loss"),
        ("scheduler", {"_target_": None, "gamma": 0.5}, "must go with a class in"),
        ("activation", {"_target_": "torch.nn.ReLU", "inplce": True}, "inplce is not an argument of ReLU"),
        ("activation", {"_target_": "torch.nn.modules"}, "must name an activation"),
        ("model", {"_target_": "gradexp.models.MLPClassifier", "num_classes": 3}, "is set by the data"),
        ("model", {"_target_": "gradexp.models.MLPClassifier", "l1": 3}, r"is set by regularizer\.l1=NUMBER"),
        ("callbacks", {"_target_": "lightning.pytorch.callbacks.EarlyStopping"}, "monitor must be given"),
        ("data", {"_target_": "gradexp.models.MLPClassifier"}, "must name a data module"),
    ],
)
def test_invalid_sections_are_refused(kind: str, section: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_section(kind, section, kind, OURS)


def test_gradexps_own_keys_take_precedence_over_arguments(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "from torch.optim import Optimizer\nclass Own(Optimizer):\n    def __init__(self, weights, no_decay=3): ...\n"
    )
    (own_folder / "own_optimizer.py").write_text(source)
    monkeypatch.syspath_prepend(own_folder)
    section: dict[str, Any] = {"_target_": "own_optimizer.Own", "no_decay": ["bias"]}
    check_section("optimizer", section, "optimizer", ["own_optimizer"])
    with pytest.raises(ValueError, match=r"optimizer\.no_decay must be a list of bias and norm"):
        check_section("optimizer", section | {"no_decay": 3}, "optimizer", ["own_optimizer"])


def test_a_class_that_cannot_be_read_is_checked_after_its_import(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "lazy_nets.py").write_text("def __getattr__(name): ...\n")
    monkeypatch.syspath_prepend(own_folder)
    assert check_section("model", {"_target_": "lazy_nets.Net", "any": 1}, "model", ["lazy_nets"]) is None
    assert "lazy_nets" not in sys.modules
