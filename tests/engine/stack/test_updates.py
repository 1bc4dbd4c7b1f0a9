"""Both ways to update a stack equal torch.optim, member by member, over random settings."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gradexp.engine.stack.group_updates import FUSED, GroupUpdates
from gradexp.engine.stack.parameters import StackedParameters
from gradexp.engine.stack.updates import RULES, RowUpdates
from tests.engine.stack.networks import mlp

MEMBERS, STEPS = 5, 200


def settings(cls: type[Optimizer], draw: random.Random) -> dict[str, Any]:
    """Random numbers of one member; each number that may be zero is zero for some members."""
    rate = 10 ** draw.uniform(-4, -1)
    decay = {"lr": rate, "weight_decay": draw.choice([0.0, 0.01, 0.3])}
    if cls is torch.optim.SGD:
        momentum = draw.choice([0.0, 0.5, 0.9])
        return decay | {"momentum": momentum, "dampening": draw.choice([0.0, 0.2])}
    if cls in (torch.optim.Adam, torch.optim.AdamW):
        return decay | {"betas": (draw.uniform(0, 0.95), draw.uniform(0.5, 0.9999)), "eps": 10 ** draw.uniform(-10, -3)}
    if cls is torch.optim.RMSprop:
        momentum = draw.choice([0.0, 0.9])
        return decay | {"alpha": draw.uniform(0.5, 0.999), "eps": 1e-6, "momentum": momentum}
    start = draw.choice([0.0, 0.1])
    return decay | {"lr_decay": draw.choice([0.0, 0.1]), "initial_accumulator_value": start, "eps": 1e-8}


def gradient_at(values: Tensor, step: int) -> Tensor:
    """A gradient [members, numbers] that depends on the values, as a real one does."""
    stream = torch.Generator().manual_seed(step)
    return torch.sin(3 * values) + torch.randn(values.shape, dtype=values.dtype, generator=stream)


def rows_of(networks: Sequence[nn.Module]) -> Tensor:
    return torch.stack([torch.cat([p.detach().flatten() for p in one.parameters()]) for one in networks])


def train(
    updates: RowUpdates | GroupUpdates,
    parameters: StackedParameters,
    networks: Sequence[nn.Module],
    optimizers: Sequence[Optimizer],
) -> Tensor:
    """Train a stack, and each member by its own optimizer; returns the members' weights [members, numbers]."""
    for step in range(STEPS):
        if step == STEPS // 2:  # as a schedule does
            for number, optimizer in enumerate(optimizers):
                for group in optimizer.param_groups:
                    group["lr"] *= 0.3 + 0.1 * number
            updates.read_numbers()
        updates.step(gradient_at(parameters.values, step))
        for network, optimizer, row in zip(networks, optimizers, gradient_at(rows_of(networks), step), strict=True):
            parts = row.split([parameter.numel() for parameter in network.parameters()])
            for parameter, part in zip(network.parameters(), parts, strict=True):
                parameter.grad = part.view_as(parameter)
            optimizer.step()
    return rows_of(networks)


def built(cls: Any, numbers: Sequence[dict[str, Any]], dtype: torch.dtype) -> tuple[list[nn.Module], list[Optimizer]]:
    networks: list[nn.Module] = [mlp(seed).to(dtype) for seed in range(len(numbers))]
    return networks, [cls(one.parameters(), **given) for one, given in zip(networks, numbers, strict=True)]


@pytest.mark.parametrize("case", ["plain", "nesterov", "no_decay"])
@pytest.mark.parametrize("cls", RULES)
def test_rows_equal_the_members_own_optimizers(cls: Any, case: str) -> None:
    draw = random.Random(f"{cls.__name__} {case}")
    numbers = [settings(cls, draw) for _ in range(MEMBERS)]
    if case == "nesterov":
        if cls is not torch.optim.SGD:
            return
        numbers = [
            one | {"momentum": 0.5 + n / 10, "dampening": 0.0, "nesterov": True} for n, one in enumerate(numbers)
        ]
    networks, optimizers = built(cls, numbers, torch.float64)
    parameters = StackedParameters(networks)
    decayed = None
    if case == "no_decay":
        biases = {name for name in parameters.shapes if name.endswith("bias")}
        optimizers = [
            cls([
                {"params": [p for name, p in one.named_parameters() if name not in biases]},
                {"params": [p for name, p in one.named_parameters() if name in biases], "weight_decay": 0.0},
            ], **given)
            for one, given in zip(networks, numbers, strict=True)
        ]  # fmt: skip
        decayed = parameters.columns(parameters.shapes.keys() - biases)
    expected = train(RowUpdates(parameters, optimizers, decayed), parameters, networks, optimizers)
    torch.testing.assert_close(parameters.values, expected, rtol=1e-9, atol=1e-11)


class Normalised(Optimizer):
    """Steps of one length: an optimizer that, unlike torch's own, looks at all parameters together."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        total = torch.stack([parameter.grad.square().sum() for parameter in parameters]).sum().sqrt()
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] * parameter.grad / total


@pytest.mark.parametrize("cls", [*RULES, torch.optim.NAdam, torch.optim.Adafactor, torch.optim.Rprop, Normalised])
def test_groups_equal_the_members_own_optimizers_bit_for_bit(cls: Any) -> None:
    draw = random.Random(cls.__name__)
    known = cls in RULES
    numbers = [settings(cls, draw) if known else {"lr": 10 ** draw.uniform(-4, -1)} for _ in range(MEMBERS)]
    numbers[3] = numbers[1]  # members of equal numbers share a group
    networks, optimizers = built(cls, numbers, torch.float32)
    parameters = StackedParameters(networks)
    if cls in FUSED:  # torch's fused update of a vector rounds its last numbers otherwise than that of a matrix
        for optimizer in optimizers:
            optimizer.param_groups[0]["fused"] = False
    names = [list(parameters.shapes)]
    expected = train(GroupUpdates(parameters, optimizers, names), parameters, networks, optimizers)
    assert torch.equal(parameters.values, expected)


@pytest.mark.parametrize("cls", FUSED)
def test_fused_groups_equal_the_members_own_optimizers_up_to_rounding(cls: Any) -> None:
    networks, optimizers = built(cls, [{"lr": 0.01 * (n + 1)} for n in range(MEMBERS)], torch.float32)
    parameters = StackedParameters(networks)
    updates = GroupUpdates(parameters, optimizers, [list(parameters.shapes)])
    for step in range(5):
        gradient = gradient_at(torch.zeros_like(parameters.values), step)
        updates.step(gradient)
        for network, optimizer, row in zip(networks, optimizers, gradient, strict=True):
            parts = row.split([parameter.numel() for parameter in network.parameters()])
            for parameter, part in zip(network.parameters(), parts, strict=True):
                parameter.grad = part.view_as(parameter)
            optimizer.step()
    torch.testing.assert_close(parameters.values, rows_of(networks), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cls", [torch.optim.SGD, torch.optim.Adam, torch.optim.Adafactor])
def test_members_that_leave_do_not_change_the_others(cls: Any) -> None:
    for updates_of in (RowUpdates, GroupUpdates) if cls in RULES else (GroupUpdates,):
        results = []
        for leaves in (False, True):
            networks, optimizers = built(cls, [{"lr": 0.01 * (n + 1)} for n in range(4)], torch.float32)
            parameters = StackedParameters(networks)
            arguments = () if updates_of is RowUpdates else ([list(parameters.shapes)],)
            updates: Any = updates_of(parameters, optimizers, *arguments)
            for step in range(6):
                if leaves and step == 3:
                    rows = torch.tensor([1, 3])
                    parameters.keep(rows)
                    updates.keep(rows)
                values = parameters.values
                updates.step(torch.cos(5 * values + step))
            results.append(parameters.values)
        assert torch.equal(results[0][[1, 3]], results[1])


def test_options_without_a_rule_are_left_to_the_ordinary_optimizer() -> None:
    (network,), _ = built(torch.optim.SGD, [{"lr": 0.1}], torch.float32)
    for cls, options in (
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.SGD, {"maximize": True}),
        (torch.optim.RMSprop, {"centered": True}),
        (torch.optim.NAdam, {}),
    ):
        made: Any = cls
        assert not RowUpdates.supports(made(network.parameters(), **options))
    assert RowUpdates.supports(torch.optim.Adam(network.parameters()))
