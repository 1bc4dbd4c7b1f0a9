"""Every derivative against autograd of torch's function, and against central differences of gradexp's."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gradexp.gradients import activations, losses
from gradexp.gradients.penalties import l1_gradient, l2_gradient, soft_threshold
from gradexp.objective import penalties

Elementwise = Callable[[Tensor], Tensor]

ACTIVATIONS: list[tuple[str, Elementwise]] = [
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("relu", F.relu),
    ("leaky_relu", F.leaky_relu),
    ("gelu", F.gelu),
    ("softplus", F.softplus),
]
POINTS = torch.cat([torch.linspace(-6, 6, 241), torch.tensor([-1e-9, 1e-9])]).double()


@pytest.mark.parametrize(("name", "torchs"), ACTIVATIONS)
def test_an_activation_and_its_derivative_equal_torchs(name: str, torchs: Elementwise) -> None:
    ours, derivative = getattr(activations, name), getattr(activations, f"{name}_derivative")
    x = POINTS.clone().requires_grad_()
    outputs = torchs(x)
    torch.testing.assert_close(ours(POINTS), outputs.detach(), rtol=1e-10, atol=1e-12)
    (expected,) = torch.autograd.grad(outputs.sum(), x)
    torch.testing.assert_close(derivative(POINTS), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("name", "torchs"), ACTIVATIONS)
def test_a_derivative_equals_central_differences(name: str, torchs: Elementwise) -> None:
    ours, derivative = getattr(activations, name), getattr(activations, f"{name}_derivative")
    x = POINTS[POINTS.abs() > 1e-3]  # away from the kinks
    step = 1e-5
    slope = (ours(x + step) - ours(x - step)) / (2 * step)
    torch.testing.assert_close(derivative(x), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "torchs"), ACTIVATIONS)
def test_activations_do_not_overflow_for_large_inputs(name: str, torchs: Elementwise) -> None:
    x = torch.tensor([-1e4, -800.0, 800.0, 1e4], dtype=torch.float64)
    for values in (getattr(activations, name)(x), getattr(activations, f"{name}_derivative")(x)):
        assert values.isfinite().all()


def test_the_derivative_of_tanh_is_precise_where_tanh_is_one() -> None:
    x = torch.tensor(20.0, dtype=torch.float64)
    assert 1 - torch.tanh(x) ** 2 == 0
    assert float(activations.tanh_derivative(x)) == pytest.approx(4 * math.exp(-40), rel=1e-12)


def test_softmax_and_its_jacobian_equal_torchs() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    torch.testing.assert_close(activations.softmax(logits), logits.softmax(-1))
    jacobians = activations.softmax_jacobian(logits)
    for row, jacobian in zip(logits, jacobians, strict=True):
        found = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), row)  # type: ignore[no-untyped-call]
        torch.testing.assert_close(jacobian, found)
    torch.testing.assert_close(jacobians.sum(-1), torch.zeros(5, 4).double(), rtol=0, atol=1e-15)
    torch.testing.assert_close(jacobians, jacobians.mT)


CLASS_WEIGHTS = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


CLASSES = torch.tensor([0, 2, 1, 1, 2, 0, 2])
TWO = torch.tensor([0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    ("name", "torchs", "outputs", "rest"),
    [
        ("mse", F.mse_loss, drawn(4, 3), (drawn(3, 4).T,)),
        ("mse", lambda o, t, v: F.mse_loss(o, t, weight=v.expand_as(o)), drawn(4, 3), (drawn(3, 4).T, CLASS_WEIGHTS)),
        (
            "l1",
            lambda o, t, v: ((o - t).abs() * v).sum() / v.expand_as(o).sum(),
            drawn(4, 3),
            (drawn(3, 4).T, CLASS_WEIGHTS),
        ),
        ("squared_norm", lambda o, t: (o - t).norm() ** 2, drawn(4, 3), (drawn(3, 4).T,)),
        ("norm", lambda o, t: (o - t).norm(), drawn(4, 3), (drawn(3, 4).T,)),
        ("l1", F.l1_loss, drawn(4, 3), (drawn(3, 4).T,)),
        ("nll", F.nll_loss, drawn(7, 3).log_softmax(1), (CLASSES,)),
        ("nll", F.nll_loss, drawn(7, 3).log_softmax(1), (CLASSES, CLASS_WEIGHTS)),
        ("cross_entropy", F.cross_entropy, drawn(7, 3), (CLASSES,)),
        ("cross_entropy", F.cross_entropy, drawn(7, 3), (CLASSES, CLASS_WEIGHTS)),
        ("bce", lambda z, t: F.binary_cross_entropy_with_logits(z, t.double()), drawn(5), (TWO,)),
        (
            "bce",
            lambda z, t, w: F.cross_entropy(torch.stack([torch.zeros_like(z), z], 1), t, w),
            drawn(5),
            (TWO, CLASS_WEIGHTS[:2]),
        ),
    ],
)
def test_a_loss_and_its_gradient_equal_torchs(
    name: str, torchs: Callable[..., Tensor], outputs: Tensor, rest: tuple[Tensor, ...]
) -> None:
    ours, gradient = getattr(losses, name), getattr(losses, f"{name}_gradient")
    free = outputs.clone().requires_grad_()
    value = torchs(free, *rest)
    torch.testing.assert_close(ours(outputs, *rest), value.detach())
    (expected,) = torch.autograd.grad(value, free)
    torch.testing.assert_close(gradient(outputs, *rest), expected)


def test_mse_differs_from_the_norm_and_its_square() -> None:
    outputs, targets = torch.tensor([3.0, 4.0]), torch.zeros(2)
    assert [float(loss(outputs, targets)) for loss in (losses.norm, losses.squared_norm, losses.mse)] == [5, 25, 12.5]
    assert float(losses.norm_gradient(outputs, targets).norm()) == pytest.approx(1)
    assert losses.norm_gradient(targets, targets).tolist() == [0, 0]


def test_cross_entropy_equals_nll_of_log_softmax_and_is_stable() -> None:
    logits, classes = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]), torch.tensor([0, 0])
    assert losses.cross_entropy(logits, classes) == losses.nll(losses.log_softmax(logits), classes) == 500
    assert F.cross_entropy(logits, classes) == 500
    assert losses.naive_cross_entropy(logits, classes).isnan()
    small = drawn(7, 3)
    torch.testing.assert_close(losses.naive_cross_entropy(small, CLASSES), losses.cross_entropy(small, CLASSES))


def test_penalty_gradients_and_the_proximal_step() -> None:
    weight = drawn(3, 4).requires_grad_()
    for penalty, gradient in ((penalties.l1, l1_gradient), (penalties.l2, l2_gradient)):
        (expected,) = torch.autograd.grad(penalty(weight), weight)
        torch.testing.assert_close(gradient(weight.detach()), expected)
    # The definition: the minimum over u of t |u| + (u - w)^2 / 2, on a fine grid.
    u = torch.linspace(-3, 3, 60001, dtype=torch.float64)
    for w in (-2.0, -0.3, 0.0, 0.5, 0.7, 1.9):
        best = u[(0.5 * u.abs() + (u - w).square() / 2).argmin()]
        assert float(soft_threshold(torch.tensor(w), 0.5)) == pytest.approx(float(best), abs=1e-4)
    assert soft_threshold(torch.tensor([0.5, -0.5, 0.2]), 0.5).tolist() == [0, 0, 0]
