"""Which losses fit which models, and the messages for those that do not."""

from typing import Any

import pytest
import torch

import gradexp.models
from gradexp.objective.losses import CrossEntropy
from tests.models.fitting import fitted
from tests.objective.loss_cases import FITS, OPTIONS, batches_for, made, section


def test_the_table_of_fitting_losses_has_every_model() -> None:
    assert {name for name in gradexp.models.__all__ if not name.startswith("Abstract")} == set(FITS)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", FITS)
def test_a_fitting_loss_trains_and_any_other_is_refused(name: str, option: str) -> None:
    if option not in FITS[name]:
        with pytest.raises(ValueError, match=rf"^loss must (fit|be default for) {name}.*; got \w+\.") as refusal:
            made(name, section(option))
        assert all(other in str(refusal.value) for other in FITS[name] - {"default"}), (
            "the message names the fitting losses"
        )
        return
    model = made(name, section(option))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    trainer = fitted(model, batches_for(model), precision="32-true")
    assert trainer.callback_metrics["train/loss"].isfinite()
    assert not all(map(torch.equal, before, model.parameters()))


def test_nll_of_log_probabilities_trains_as_cross_entropy() -> None:
    trained = []
    for option, output in (("nll", "log_softmax"), ("cross_entropy", None)):
        model = made("MLPClassifier", section(option), output_activation=output)
        fitted(model, batches_for(model), precision="32-true")
        trained.append([parameter.detach() for parameter in model.parameters()])
    torch.testing.assert_close(*trained)
    with pytest.raises(ValueError, match=r"nll needs model\.output_activation=log_softmax"):
        made("MLPClassifier", section("nll"))


def test_loss_arguments_without_a_class_go_to_the_default_loss() -> None:
    model = made("MLPClassifier", {"_target_": None, "label_smoothing": 0.1})
    assert isinstance(model.objective.loss, CrossEntropy)
    assert model.objective.loss.label_smoothing == 0.1
    with pytest.raises(ValueError, match=r"loss\.label_smoothing is not an argument of MSELoss"):
        made("MLPRegressor", {"label_smoothing": 0.1})
    with pytest.raises(ValueError, match="loss must be default for Rosenblatt, which has a loss of its own; got"):
        made("Rosenblatt", {"label_smoothing": 0.1})


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"class_weight": [1.0, 2.0]}, r"loss\.class_weight must have 3 weights, one a class; got \[1\.0, 2\.0\]"),
        ({"class_weight": "blanced"}, r"class_weight must be balanced, a list .*got 'blanced'\. Did you mean balanced"),
        ({"class_weight": [1, -1, 1]}, r"class_weight must be balanced, a list of numbers of at least 0"),
        ({"label_smoothing": 1.0}, r"label_smoothing must be a number from 0 to below 1; got 1\.0"),
        ({"labelsmoothing": 0.1}, r"loss\.labelsmoothing is not an argument.*Did you mean label_smoothing\?"),
        ({"num_classes": 3}, r"loss\.num_classes is set by another key"),
        ({"_target_": "torch.nn.CrossEntropyLos"}, r"loss\._target_ must name a loss.*Did you mean CrossEntropyLoss"),
        ({"_target_": "os.system"}, r"loss\._target_ must name a class in a trusted package"),
        ({"_target_": "torch.nn.CrossEntropyLoss", "reduction": "none"}, r"loss\.reduction must be mean.*got none"),
        ({"_target_": "torch.nn.CrossEntropyLoss", "reduction": "sum"}, r"loss\.reduction must be mean.*got sum"),
        ({"_target_": "torch.nn.KLDivLoss"}, "loss must fit MLPClassifier, whose outputs are a score for each class"),
        ("mse", "loss must be a section of keys and values, or null; got 'mse'"),
    ],
)
def test_an_invalid_loss_is_refused_with_its_rule(loss: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made("MLPClassifier", loss)


def test_losses_for_targets_of_plus_and_minus_one_fit_no_model() -> None:
    for name in ("SoftMarginLoss", "HingeEmbeddingLoss"):
        with pytest.raises(ValueError, match=f"loss must fit LogisticRegression.*; got {name}"):
            made("LogisticRegression", {"_target_": f"torch.nn.{name}"})


@pytest.mark.parametrize("packages", [[], ["lion_pytorch"]])
def test_a_models_default_loss_needs_no_trusted_package(packages: list[str]) -> None:
    for name in FITS:
        made(name, trusted_packages=packages)
