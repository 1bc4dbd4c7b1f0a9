"""Values and gradients of the losses against scikit-learn, torch.nn.functional and NumPy."""

import numpy as np
import pytest
import torch
from sklearn.metrics import hinge_loss, log_loss
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.auditing.closed_forms import CLOSED_FORMS, output_gradient
from gradexp.objective.losses import BinaryCrossEntropy, CrossEntropy, HalfSquaredError, Hinge
from tests.objective.loss_cases import CLASSES, SAMPLES, WEIGHTS, sample_weights


def test_cross_entropy_equals_scikit_learns_log_loss(logits: Tensor, classes: Tensor) -> None:
    expected = log_loss(classes, logits.softmax(1))
    assert CrossEntropy(CLASSES)(logits, classes).item() == pytest.approx(expected, rel=1e-9)


def test_the_mean_of_a_weighted_loss_is_over_samples(logits: Tensor, classes: Tensor) -> None:
    expected = log_loss(classes, logits.softmax(1), normalize=False, sample_weight=sample_weights(classes, WEIGHTS))
    found = CrossEntropy(CLASSES, class_weight=WEIGHTS)(logits, classes).item()
    assert found == pytest.approx(expected / SAMPLES, rel=1e-6)
    # torch's cross_entropy divides by the batch's sum of weights.
    own = F.cross_entropy(logits, classes, torch.tensor(WEIGHTS, dtype=torch.float64)).item()
    assert found == pytest.approx(own * sample_weights(classes, WEIGHTS).mean(), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_equals_torchs_and_its_formula(smoothing: float, logits: Tensor, classes: Tensor) -> None:
    found = CrossEntropy(CLASSES, label_smoothing=smoothing)(logits, classes).item()
    assert found == pytest.approx(nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, classes).item(), rel=1e-12)
    wanted = np.eye(CLASSES)[classes] * (1 - smoothing) + smoothing / CLASSES
    assert found == pytest.approx(-(wanted * logits.log_softmax(1).numpy()).sum(1).mean(), rel=1e-9)


def test_label_smoothing_with_class_weights_weights_by_the_samples_class(logits: Tensor, classes: Tensor) -> None:
    loss = CrossEntropy(CLASSES, label_smoothing=0.2, class_weight=WEIGHTS)
    wanted = np.eye(CLASSES)[classes] * 0.8 + 0.2 / CLASSES
    each = -(wanted * logits.log_softmax(1).numpy()).sum(1)
    assert loss(logits, classes).item() == pytest.approx((each * sample_weights(classes, WEIGHTS)).mean(), rel=1e-6)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("weights", [None, [0.3, 1.7]])
def test_binary_cross_entropy_equals_scikit_learns_log_loss(
    from_logits: bool, weights: list[float] | None, scores: Tensor, bits: Tensor
) -> None:
    outputs = scores if from_logits else scores.sigmoid()
    by_sample = None if weights is None else sample_weights(bits[:, 0].long(), weights)
    expected = log_loss(bits[:, 0], scores.sigmoid()[:, 0], normalize=False, sample_weight=by_sample) / SAMPLES
    found = BinaryCrossEntropy(2, from_logits, weights)(outputs, bits).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_binary_cross_entropy_of_several_outputs_is_their_mean(logits: Tensor, classes: Tensor) -> None:
    targets = F.one_hot(classes, CLASSES).double()
    found = BinaryCrossEntropy(CLASSES, from_logits=False)(logits.sigmoid(), targets).item()
    expected = np.mean([log_loss(targets[:, k], logits[:, k].sigmoid()) for k in range(CLASSES)])
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weights", [None, [0.3, 1.7]])
def test_hinge_of_one_score_equals_scikit_learns(weights: list[float] | None, scores: Tensor, bits: Tensor) -> None:
    by_sample = np.ones(SAMPLES) if weights is None else sample_weights(bits[:, 0].long(), weights)
    expected = hinge_loss(bits[:, 0], scores[:, 0], sample_weight=by_sample) * by_sample.mean()
    assert Hinge(2, class_weight=weights)(scores, bits).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_hinge_of_several_scores_equals_scikit_learns(
    weights: list[float] | None, logits: Tensor, classes: Tensor
) -> None:
    by_sample = np.ones(SAMPLES) if weights is None else sample_weights(classes, weights)
    expected = hinge_loss(classes, logits, labels=range(CLASSES), sample_weight=by_sample) * by_sample.mean()
    assert Hinge(CLASSES, class_weight=weights)(logits, classes).item() == pytest.approx(expected, rel=1e-6)


def test_half_the_squared_error_is_summed_over_outputs_and_averaged_over_samples(logits: Tensor) -> None:
    targets = torch.zeros_like(logits)
    expected = (logits.numpy() ** 2).sum() / 2 / SAMPLES
    assert HalfSquaredError()(logits, targets).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (CrossEntropy(CLASSES), "classes"),
        (CrossEntropy(CLASSES, label_smoothing=0.3, class_weight=WEIGHTS), "classes"),
        (Hinge(CLASSES), "classes"),
        (Hinge(CLASSES, class_weight=WEIGHTS), "classes"),
        (Hinge(2, class_weight=[0.3, 1.7]), "bits"),
        (BinaryCrossEntropy(2, True, class_weight=[0.3, 1.7]), "bits"),
        (BinaryCrossEntropy(2, False, class_weight=[0.3, 1.7]), "probabilities"),
        (BinaryCrossEntropy(CLASSES, False), "all"),
        (HalfSquaredError(), "all"),
        (nn.MSELoss(), "all"),
        (nn.L1Loss(), "all"),
        (nn.HuberLoss(delta=0.3), "all"),
    ],
)
def test_gradients_equal_the_closed_form_and_finite_differences(
    loss: nn.Module, kind: str, logits: Tensor, classes: Tensor, bits: Tensor
) -> None:
    outputs, targets = {
        "classes": (logits, classes),
        "bits": (logits[:, :1], bits),
        "probabilities": (logits[:, :1].sigmoid(), bits),
        "all": (logits.sigmoid(), F.one_hot(classes, CLASSES).double()),
    }[kind]
    outputs = outputs.clone().requires_grad_()
    loss.double()
    assert torch.autograd.gradcheck(lambda values: loss(values, targets), (outputs,), eps=1e-7, atol=1e-6)
    (gradient,) = torch.autograd.grad(loss(outputs, targets), outputs)
    closed = output_gradient(loss, outputs.detach(), targets)
    torch.testing.assert_close(closed, gradient, rtol=1e-9, atol=1e-12)


def test_every_loss_with_a_closed_form_is_tested_above() -> None:
    tested = {CrossEntropy, Hinge, BinaryCrossEntropy, HalfSquaredError, nn.MSELoss, nn.L1Loss, nn.HuberLoss}
    assert set(CLOSED_FORMS) == tested
