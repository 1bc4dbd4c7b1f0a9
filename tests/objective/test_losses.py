"""Losses against scikit-learn, torch.nn.functional and NumPy; which of them fit which model, and what is refused."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import HuberRegressor, LogisticRegression
from sklearn.metrics import hinge_loss, log_loss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional as F

import gradexp.models
from gradexp.auditing.output_gradients import CLOSED_FORMS, output_gradient
from gradexp.configuration.files import CONF_DIR
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.objective.losses import BinaryCrossEntropy, CrossEntropy, HalfSquaredError, Hinge
from tests.models.fitting import LBFGS, fitted, full_batches
from tests.objective.fitting_losses import CLASSES, FITS, batches_for, made, section

Array = npt.NDArray[np.float64]

SAMPLES = 23
WEIGHTS = [0.5, 2.0, 1.5]


@pytest.fixture
def logits() -> Tensor:
    return 2 * torch.randn(SAMPLES, CLASSES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def classes() -> Tensor:
    return torch.randint(CLASSES, (SAMPLES,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def scores(logits: Tensor) -> Tensor:
    return logits[:, :1]


@pytest.fixture
def bits(classes: Tensor) -> Tensor:
    """Targets of one output, as the models encode them [samples, 1]."""
    return (classes > 0).double().unsqueeze(1)


def sample_weights(classes: Tensor, weights: list[float]) -> Array:
    chosen: Array = np.array(weights)[classes.numpy()]
    return chosen


# Values


def test_cross_entropy_is_scikit_learns_log_loss(logits: Tensor, classes: Tensor) -> None:
    expected = log_loss(classes, logits.softmax(1))
    assert CrossEntropy(CLASSES)(logits, classes).item() == pytest.approx(expected, rel=1e-9)


def test_class_weights_weigh_samples_and_the_mean_is_over_samples(logits: Tensor, classes: Tensor) -> None:
    expected = log_loss(classes, logits.softmax(1), normalize=False, sample_weight=sample_weights(classes, WEIGHTS))
    found = CrossEntropy(CLASSES, class_weight=WEIGHTS)(logits, classes).item()
    assert found == pytest.approx(expected / SAMPLES, rel=1e-6)
    # torch's own divides by the batch's sum of weights.
    own = F.cross_entropy(logits, classes, torch.tensor(WEIGHTS, dtype=torch.float64)).item()
    assert found == pytest.approx(own * sample_weights(classes, WEIGHTS).mean(), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_is_torchs_and_its_formula(smoothing: float, logits: Tensor, classes: Tensor) -> None:
    found = CrossEntropy(CLASSES, label_smoothing=smoothing)(logits, classes).item()
    assert found == pytest.approx(nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, classes).item(), rel=1e-12)
    wanted = np.eye(CLASSES)[classes] * (1 - smoothing) + smoothing / CLASSES
    assert found == pytest.approx(-(wanted * logits.log_softmax(1).numpy()).sum(1).mean(), rel=1e-9)


def test_label_smoothing_and_class_weights_go_together_by_the_samples_class(logits: Tensor, classes: Tensor) -> None:
    loss = CrossEntropy(CLASSES, label_smoothing=0.2, class_weight=WEIGHTS)
    wanted = np.eye(CLASSES)[classes] * 0.8 + 0.2 / CLASSES
    each = -(wanted * logits.log_softmax(1).numpy()).sum(1)
    assert loss(logits, classes).item() == pytest.approx((each * sample_weights(classes, WEIGHTS)).mean(), rel=1e-6)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("weights", [None, [0.3, 1.7]])
def test_binary_cross_entropy_is_scikit_learns_log_loss(
    from_logits: bool, weights: list[float] | None, scores: Tensor, bits: Tensor
) -> None:
    outputs = scores if from_logits else scores.sigmoid()
    by_sample = None if weights is None else sample_weights(bits[:, 0].long(), weights)
    expected = log_loss(bits[:, 0], scores.sigmoid()[:, 0], normalize=False, sample_weight=by_sample) / SAMPLES
    found = BinaryCrossEntropy(2, from_logits, weights)(outputs, bits).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_binary_cross_entropy_of_several_outputs_is_a_mean_over_all(logits: Tensor, classes: Tensor) -> None:
    targets = F.one_hot(classes, CLASSES).double()
    found = BinaryCrossEntropy(CLASSES, from_logits=False)(logits.sigmoid(), targets).item()
    expected = np.mean([log_loss(targets[:, k], logits[:, k].sigmoid()) for k in range(CLASSES)])
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weights", [None, [0.3, 1.7]])
def test_the_hinge_of_one_score_is_scikit_learns(weights: list[float] | None, scores: Tensor, bits: Tensor) -> None:
    by_sample = np.ones(SAMPLES) if weights is None else sample_weights(bits[:, 0].long(), weights)
    expected = hinge_loss(bits[:, 0], scores[:, 0], sample_weight=by_sample) * by_sample.mean()
    assert Hinge(2, class_weight=weights)(scores, bits).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_hinge_of_several_scores_is_scikit_learns(
    weights: list[float] | None, logits: Tensor, classes: Tensor
) -> None:
    by_sample = np.ones(SAMPLES) if weights is None else sample_weights(classes, weights)
    expected = hinge_loss(classes, logits, labels=range(CLASSES), sample_weight=by_sample) * by_sample.mean()
    assert Hinge(CLASSES, class_weight=weights)(logits, classes).item() == pytest.approx(expected, rel=1e-6)


def test_half_the_squared_error_is_summed_over_outputs_and_averaged_over_samples(logits: Tensor) -> None:
    targets = torch.zeros_like(logits)
    expected = (logits.numpy() ** 2).sum() / 2 / SAMPLES
    assert HalfSquaredError()(logits, targets).item() == pytest.approx(expected, rel=1e-12)


# Balanced weights


def test_balanced_weights_are_scikit_learns(classes: Tensor) -> None:
    loss = CrossEntropy(CLASSES, class_weight="balanced")
    loss.balance(classes)
    assert loss.class_weight is not None
    expected = compute_class_weight("balanced", classes=np.arange(CLASSES), y=classes.numpy())
    np.testing.assert_allclose(loss.class_weight, expected, rtol=1e-6)


def test_a_class_without_samples_gets_no_weight() -> None:
    loss = Hinge(4, class_weight="balanced")
    loss.balance(torch.tensor([0, 0, 0, 2]))
    assert loss.class_weight is not None
    # 4 samples / (4 classes * 3), none, 4 / (4 * 1), none
    np.testing.assert_allclose(loss.class_weight, [1 / 3, 0, 1, 0], rtol=1e-6)


def two_clouds() -> tuple[Tensor, Tensor]:
    """Samples of two classes, three to one, that overlap."""
    generator = torch.Generator().manual_seed(2)
    targets = (torch.arange(80) % 4 == 0).long()
    inputs = torch.randn(80, 2, generator=generator, dtype=torch.float64) + targets.unsqueeze(1)
    return inputs, targets


@pytest.mark.parametrize("weight", ["balanced", [0.5, 3.0]])
@pytest.mark.parametrize("model", ["LogisticRegression", "SoftmaxRegression"])
def test_weighted_regression_ends_where_scikit_learns_does(model: str, weight: Any) -> None:
    inputs, targets = two_clouds()
    loss = {"_target_": "gradexp.objective.losses.CrossEntropy"}
    if model == "LogisticRegression":
        loss = {"_target_": "gradexp.objective.losses.BinaryCrossEntropy"}
    l2 = 0.01
    found = made(model, {**loss, "class_weight": weight}, num_classes=2, l2=l2, optimizer=LBFGS)
    fitted(found, full_batches(inputs, targets, steps=4))
    # Of two logits the difference counts: each bears half of the weight, and so half of the penalty.
    shared = 1 if model == "LogisticRegression" else 2
    by_class = weight if weight == "balanced" else dict(enumerate(weight))
    oracle = LogisticRegression(C=shared / (2 * len(targets) * l2), class_weight=by_class, tol=1e-10, max_iter=1000)
    oracle.fit(inputs, targets)
    layer = found.network if model == "LogisticRegression" else found.network.get_submodule("output")
    weights = np.atleast_2d(layer.weight.detach().numpy())  # type: ignore[operator]
    np.testing.assert_allclose(weights[-1] - (weights[0] if shared == 2 else 0), oracle.coef_[0], rtol=1e-4)


def test_linear_regression_under_hubers_loss_ends_where_scikit_learns_does() -> None:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(60, 2, generator=generator, dtype=torch.float64)
    targets = inputs @ torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    targets += 0.5 * torch.randn(60, 1, generator=generator, dtype=torch.float64)
    targets[:4] += 20
    oracle = HuberRegressor(epsilon=1.35, alpha=0.0, tol=1e-10, max_iter=1000).fit(inputs, targets[:, 0])
    # scikit-learn also learns a scale; its kink lies at epsilon scales.
    loss = {"_target_": "torch.nn.HuberLoss", "delta": 1.35 * oracle.scale_}
    model = made("LinearRegression", loss, optimizer=LBFGS)
    fitted(model, full_batches(inputs, targets, steps=4))
    weight, bias = (parameter.detach().numpy() for parameter in model.network.parameters())
    np.testing.assert_allclose([*weight[0], bias[0]], [*oracle.coef_, oracle.intercept_], rtol=1e-4)


# How a set is cut into batches

CUTS: list[list[int]] = [[SAMPLES], [1, 22], [7, 7, 9], [1] * SAMPLES]


@pytest.mark.parametrize("sizes", CUTS)
@pytest.mark.parametrize(
    ("loss", "is_single"),
    [
        (CrossEntropy(CLASSES, label_smoothing=0.1, class_weight=WEIGHTS), False),
        (Hinge(CLASSES, class_weight=WEIGHTS), False),
        (Hinge(2, class_weight=[0.3, 1.7]), True),
        (BinaryCrossEntropy(2, True, class_weight=[0.3, 1.7]), True),
    ],
)
def test_a_weighted_loss_is_the_mean_over_samples_however_batches_are_cut(
    loss: nn.Module, is_single: bool, sizes: list[int], logits: Tensor, classes: Tensor, bits: Tensor
) -> None:
    outputs, targets = (logits[:, :1], bits) if is_single else (logits, classes)
    bounds = np.cumsum([0, *sizes])
    batches = [(outputs[start:end], targets[start:end]) for start, end in pairwise(bounds.tolist())]
    parts = [len(some) * loss(some, theirs).item() for some, theirs in batches]
    assert sum(parts) / SAMPLES == pytest.approx(loss(outputs, targets).item(), rel=1e-9)


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_the_logged_loss_of_balanced_classes_does_not_depend_on_the_batches(batch_size: int | None) -> None:
    inputs, targets = two_clouds()
    loss = {"_target_": "gradexp.objective.losses.CrossEntropy", "class_weight": "balanced"}
    model = made("SoftmaxRegression", loss, num_classes=2, optimizer={"_target_": "torch.optim.SGD", "lr": 1e-9})
    order = BatchOrder(len(targets), batch_size)
    metrics = fitted(model, BatchLoader(TensorSource(inputs, targets), order)).callback_metrics
    weights = compute_class_weight("balanced", classes=np.arange(2), y=targets.numpy())[targets]
    with torch.no_grad():
        probabilities = model(inputs).softmax(1)
    expected = log_loss(targets, probabilities, sample_weight=weights)  # of balanced weights the mean is 1
    assert metrics["train/loss"].item() == pytest.approx(expected, rel=1e-5)


# Gradients


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
def test_gradients_are_the_closed_form_and_finite_differences(
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


def test_every_loss_with_a_closed_form_is_among_those_above() -> None:
    tested = {CrossEntropy, Hinge, BinaryCrossEntropy, HalfSquaredError, nn.MSELoss, nn.L1Loss, nn.HuberLoss}
    assert set(CLOSED_FORMS) == tested


# Which fits which

OPTIONS = sorted(path.stem for path in (CONF_DIR / "loss").glob("*.yaml"))


def test_the_table_has_every_model() -> None:
    assert {name for name in gradexp.models.__all__ if not name.startswith("Abstract")} == set(FITS)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", FITS)
def test_a_loss_that_fits_trains_and_another_is_refused(name: str, option: str) -> None:
    if option not in FITS[name]:
        with pytest.raises(ValueError, match=rf"^loss must (fit|be default for) {name}.*; got \w+\.") as refusal:
            made(name, section(option))
        assert all(other in str(refusal.value) for other in FITS[name] - {"default"}), "it names those that fit"
        return
    model = made(name, section(option))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    trainer = fitted(model, batches_for(model), precision="32-true")
    assert trainer.callback_metrics["train/loss"].isfinite()
    assert not all(map(torch.equal, before, model.parameters()))


def test_the_negative_log_likelihood_of_log_probabilities_is_the_cross_entropy() -> None:
    trained = []
    for option, output in (("nll", "log_softmax"), ("cross_entropy", None)):
        model = made("MLPClassifier", section(option), output_activation=output)
        fitted(model, batches_for(model), precision="32-true")
        trained.append([parameter.detach() for parameter in model.parameters()])
    torch.testing.assert_close(*trained)
    with pytest.raises(ValueError, match=r"nll needs model\.output_activation=log_softmax"):
        made("MLPClassifier", section("nll"))


def test_arguments_without_a_class_are_of_the_models_own_loss() -> None:
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
def test_a_bad_loss_is_refused_with_its_rule(loss: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made("MLPClassifier", loss)


def test_torchs_losses_of_targets_of_one_and_minus_one_fit_no_model() -> None:
    for name in ("SoftMarginLoss", "HingeEmbeddingLoss"):
        with pytest.raises(ValueError, match=f"loss must fit LogisticRegression.*; got {name}"):
            made("LogisticRegression", {"_target_": f"torch.nn.{name}"})


# Losses of others


class Focal(nn.Module):
    """Focal loss of logits and classes (Lin et al. 2017)."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        log_p = outputs.log_softmax(1).gather(1, targets.unsqueeze(1)).squeeze(1)
        return -((1 - log_p.exp()) ** self.gamma * log_p).mean()


class EachSample(nn.Module):
    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, reduction="none")


class NoTensor(nn.Module):
    def forward(self, outputs: Tensor, targets: Tensor) -> float:
        return 1.0


class Penalised(nn.CrossEntropyLoss):
    """A sub-class that computes something else."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return super().forward(outputs, targets) + outputs.square().mean()


HERE: dict[str, Any] = {"trusted_packages": ["gradexp", "tests"]}


def path_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def test_a_loss_of_another_package_trains_and_is_the_one_that_is_logged() -> None:
    model = made("SoftmaxRegression", {"_target_": path_of(Focal), "gamma": 1.0}, **HERE)
    loader = batches_for(model)
    optimizer = {"_target_": "torch.optim.SGD", "lr": 1e-9}
    model = made("SoftmaxRegression", {"_target_": path_of(Focal), "gamma": 1.0}, optimizer=optimizer, **HERE)
    metrics = fitted(model, loader, precision="32-true").callback_metrics
    inputs, targets = (torch.cat(parts) for parts in zip(*loader, strict=True))
    with torch.no_grad():
        p = model(inputs).softmax(1).double().numpy()[np.arange(14), targets]
    assert metrics["train/loss"].item() == pytest.approx(-((1 - p) * np.log(p)).mean(), rel=1e-5)


def test_a_list_is_a_tensor_where_the_class_takes_one() -> None:
    model = made("MLPClassifier", {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2, 3]})
    assert isinstance(model.objective.loss, nn.CrossEntropyLoss)
    assert model.objective.loss.weight is not None
    assert model.objective.loss.weight.tolist() == [1.0, 2.0, 3.0]
    fitted(model, batches_for(model), precision="32-true")


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("MLPClassifier", path_of(EachSample), r"loss must give one number a batch.*; got shape \[6\] from EachSample"),
        ("MLPClassifier", path_of(NoTensor), "loss must give one number a batch.*; got a float from NoTensor"),
        ("MLPClassifier", "torch.nn.CosineEmbeddingLoss", r"loss must take outputs \[6, 3\] of float32 and targets"),
        ("MLPClassifier", "torch.nn.ReLU", r"loss must take outputs \[6, 3\] of float32 and targets \[6\] of int64"),
        ("MLPRegressor", "torch.nn.GaussianNLLLoss", "loss must take outputs .*; got GaussianNLLLoss: "),
        ("MLPRegressor", path_of(Focal), "loss must take outputs .*; got Focal: "),
    ],
)
def test_a_loss_that_does_not_take_outputs_and_targets_is_refused_before_the_first_step(
    name: str, target: str, message: str
) -> None:
    model = made(name, {"_target_": target}, **HERE)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match=message):
        fitted(model, batches_for(model), precision="32-true")
    assert all(map(torch.equal, before, model.parameters()))


# Backward by hand


@pytest.mark.parametrize(
    "loss",
    [
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"_target_": "gradexp.objective.losses.Hinge"},
        {"_target_": "torch.nn.CrossEntropyLoss", "weight": [1, 2, 3]},
        {"_target_": path_of(Penalised)},
    ],
)
def test_a_loss_without_a_backward_by_hand_is_refused(loss: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"model\.backward must be autograd, but for a cross-entropy .*; got by_hand"):
        made("MLPClassifier", loss, backward="by_hand", activation="sigmoid", **HERE)


@pytest.mark.parametrize("loss", [None, {"_target_": "torch.nn.CrossEntropyLoss"}])
def test_the_cross_entropy_by_hand_learns_what_autograds_does(loss: Any) -> None:
    trained = []
    for backward in ("autograd", "by_hand"):
        model = made("MLPClassifier", loss, backward=backward, activation="sigmoid")
        fitted(model, batches_for(model), precision="32-true")
        trained.append([parameter.detach() for parameter in model.parameters()])
    torch.testing.assert_close(*trained)


@pytest.mark.parametrize("packages", [[], ["lion_pytorch"]])
def test_a_models_own_loss_needs_no_trust(packages: list[str]) -> None:
    for name in FITS:
        made(name, trusted_packages=packages)


def test_weights_of_zero_alone_would_train_nothing() -> None:
    with pytest.raises(ValueError, match=r"loss\.class_weight must have a weight above 0; got \[0, 0, 0\]"):
        made("MLPClassifier", {"class_weight": [0, 0, 0]})
