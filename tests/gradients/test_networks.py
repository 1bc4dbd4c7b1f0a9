"""The perceptron's gradient and the recursion of the deltas, against autograd; entropy against known numbers."""

import itertools

import pytest
import torch
from scipy import stats
from torch import Tensor

from gradexp.gradients.backpropagation import Layer, activations, backpropagate, perceptron, perceptron_gradient
from gradexp.gradients.information import (
    cross_entropy,
    entropy,
    entropy_gradient,
    kl_divergence,
    kl_divergence_gradient,
)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_perceptrons_gradient_equals_autograd(outputs: int) -> None:
    x, w, b = (value.requires_grad_() for value in (drawn(0, 5, 4), drawn(1, outputs, 4), drawn(2, outputs)))
    t = drawn(3, 5, outputs).sigmoid()
    error = (torch.sigmoid(x @ w.T + b) - t).square().sum(1).mean() / 2
    expected = torch.autograd.grad(error, (w, b, x))
    with torch.no_grad():
        found = perceptron_gradient(x, w, b, t)
        for ours, autograds in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, autograds)
        # One sample, by the literal formula: dE/dw_jk = (O_k - t_k) O_k (1 - O_k) x_j.
        one = perceptron_gradient(x[:1], w, b, t[:1]).weight
        o = perceptron(x[:1], w, b)[0]
        for k, j in itertools.product(range(outputs), range(4)):
            assert float(one[k, j]) == pytest.approx(float((o[k] - t[0, k]) * o[k] * (1 - o[k]) * x[0, j]), rel=1e-12)


@pytest.mark.parametrize("widths", [[4, 3], [4, 5, 3], [4, 6, 5, 4, 3], [4] + [5] * 9 + [3]])
def test_back_propagation_of_any_depth_equals_autograd(widths: list[int]) -> None:
    layers: list[Layer] = [
        (drawn(n, after, before), drawn(100 + n, after)) for n, (before, after) in enumerate(itertools.pairwise(widths))
    ]
    x, t = drawn(7, 6, 4), drawn(8, 6, 3).sigmoid()
    found = backpropagate(x, layers, t)
    assert [tuple(weight.shape) for weight, _ in found] == [tuple(weight.shape) for weight, _ in layers]
    free = [(weight.clone().requires_grad_(), bias.clone().requires_grad_()) for weight, bias in layers]
    value = x
    for weight, bias in free:
        value = torch.sigmoid(torch.nn.functional.linear(value, weight, bias))
    torch.testing.assert_close(activations(x, layers)[-1], value.detach())
    expected = torch.autograd.grad((value - t).square().sum(1).mean() / 2, list(itertools.chain(*free)))
    for ours, autograds in zip(itertools.chain(*found), expected, strict=True):
        torch.testing.assert_close(ours, autograds, rtol=1e-9, atol=1e-18)


def test_entropy_and_divergence_in_bits() -> None:
    assert float(entropy(torch.full((4,), 0.25))) == 2.0
    assert float(entropy(torch.tensor([0.1, 0.1, 0.1, 0.7]))) == pytest.approx(1.3568, abs=5e-5)
    assert float(entropy(torch.tensor([0.0, 1.0]))) == 0.0
    p, q = drawn(0, 3, 5).softmax(1), drawn(1, 3, 5).softmax(1)
    assert entropy(p).tolist() == pytest.approx(stats.entropy(p.numpy(), base=2, axis=1).tolist())
    assert kl_divergence(p, q).tolist() == pytest.approx(stats.entropy(p.numpy(), q.numpy(), base=2, axis=1).tolist())
    torch.testing.assert_close(cross_entropy(p, q), entropy(p) + kl_divergence(p, q))
    torch.testing.assert_close(kl_divergence(p, p), torch.zeros(3).double(), rtol=0, atol=1e-14)
    free_p, free_q = p.clone().requires_grad_(), q.clone().requires_grad_()
    (expected,) = torch.autograd.grad(-(free_p * free_p.log2()).sum(), free_p)
    torch.testing.assert_close(entropy_gradient(p), expected)
    (expected,) = torch.autograd.grad((p * (p / free_q).log2()).sum(), free_q)
    torch.testing.assert_close(kl_divergence_gradient(p, q), expected)
