"""Losses and penalties of a stack equal those of each member."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradexp.engine.stack.losses import StackedPenalties, stacked_loss
from gradexp.engine.stack.parameters import StackedParameters
from gradexp.objective import penalties
from gradexp.objective.losses import BinaryCrossEntropy, CrossEntropy, HalfSquaredError, Hinge
from gradexp.objective.penalty_terms import Penalty, shrink_after_steps
from tests.engine.stack.networks import mlp

STREAM = torch.Generator().manual_seed(3)
LOGITS = torch.randn(3, 8, 4, generator=STREAM)
CLASSES = torch.randint(0, 4, (3, 8), generator=STREAM)
ONES = torch.randint(0, 2, (3, 8, 4), generator=STREAM).float()


def weighted(weights: list[float]) -> CrossEntropy:
    return CrossEntropy(4, class_weight=weights)


@pytest.mark.parametrize(
    ("modules", "targets"),
    [
        ([CrossEntropy(4)] * 3, CLASSES),
        ([CrossEntropy(4, label_smoothing=0.2)] * 3, CLASSES),
        ([CrossEntropy(4, label_smoothing=one) for one in (0.0, 0.1, 0.3)], CLASSES),
        ([weighted([1.0, 2, 3, 4]), CrossEntropy(4), weighted([0.0, 1, 1, 1])], CLASSES),
        ([CrossEntropy(4, 0.1, [1.0, 2, 3, 4]), CrossEntropy(4), CrossEntropy(4, 0.2)], CLASSES),
        ([nn.CrossEntropyLoss()] * 3, CLASSES),
        ([nn.CrossEntropyLoss(label_smoothing=one) for one in (0.0, 0.1, 0.3)], CLASSES),
        ([Hinge(4)] * 3, CLASSES),
        ([Hinge(4, weights) for weights in ([1.0, 2, 3, 4], [4.0, 1, 1, 1], [0.0, 1, 1, 1])], CLASSES),
        ([BinaryCrossEntropy(4, from_logits=True)] * 3, ONES),
        ([HalfSquaredError()] * 3, ONES),
        ([nn.MSELoss()] * 3, ONES),
        ([nn.HuberLoss(delta=0.5)] * 3, ONES),
    ],
)
def test_losses_and_their_gradients(modules: list[Any], targets: Tensor) -> None:
    outputs = LOGITS.clone().requires_grad_()
    losses = stacked_loss(modules, modules)(outputs, targets)
    (gradient,) = torch.autograd.grad(losses.sum(), outputs)
    for row, module in enumerate(modules):
        own = LOGITS[row].clone().requires_grad_()
        loss = module(own, targets[row])
        torch.testing.assert_close(losses[row], loss)
        torch.testing.assert_close(gradient[row], torch.autograd.grad(loss, own)[0])


def test_penalties_with_factors_of_each_members_own() -> None:
    networks: list[nn.Module] = [mlp(seed) for seed in range(3)]
    functions = {"l1": penalties.l1, "l2": penalties.l2, "group_lasso": penalties.group_lasso}
    factors = [{"l1": 0.1, "l2": 0.2}, {"l2": 0.3, "group_lasso": 0.5}, {}]
    given = [{name: Penalty(functions[name], factor) for name, factor in one.items()} for one in factors]
    parameters = StackedParameters(networks)
    stacked = StackedPenalties(given, parameters)
    found = stacked(parameters.leaves)
    assert found is not None
    for row, (network, own) in enumerate(zip(networks, factors, strict=True)):
        weights = [parameter for parameter in network.parameters() if parameter.ndim == 2]
        expected = sum(factor * functions[name](weight).sum() for name, factor in own.items() for weight in weights)
        torch.testing.assert_close(found[row], torch.as_tensor(expected, dtype=torch.float64))
    assert StackedPenalties([{}, {}, {}], parameters)(parameters.leaves) is None


def test_the_proximal_step_is_that_of_each_members_optimizer() -> None:
    networks: list[nn.Module] = [mlp(seed) for seed in range(3)]
    numbers: list[dict[str, Any]] = [
        {"lr": 0.1},
        {"lr": 0.5, "momentum": 0.9},
        {"lr": 0.2, "momentum": 0.5, "dampening": 0.3},
    ]
    optimizers = [torch.optim.SGD(one.parameters(), **given) for one, given in zip(networks, numbers, strict=True)]
    l1 = [0.05, 0.2, 0.0]
    parameters = StackedParameters(networks)
    stacked = StackedPenalties([{"l1": Penalty(penalties.l1, factor)} for factor in l1], parameters, proximal=True)
    penalty = stacked(parameters.leaves)
    assert penalty is not None
    assert not penalty.requires_grad
    stacked.shrink(parameters.values, optimizers)
    for row, (network, optimizer, factor) in enumerate(zip(networks, optimizers, l1, strict=True)):
        shrink_after_steps(optimizer, [p for p in network.parameters() if p.ndim == 2], factor)
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        expected = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
        torch.testing.assert_close(parameters.values[row], expected)
    assert (parameters.values[1] == 0).any()
