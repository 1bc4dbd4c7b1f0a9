"""The forward pass of a stack equals that of each network; dropout has the very masks of nn.Dropout."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradexp.engine.stack.dropout import DropoutMasks
from gradexp.engine.stack.network import StackedNetwork, why_not_stacked
from gradexp.engine.stack.parameters import StackedParameters
from gradexp.randomness import mix, seed_generators
from tests.engine.stack.networks import mlp, samples


class Odd(nn.Module):
    """A network that is no Sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.scale = nn.Linear(4, 3), nn.Parameter(torch.rand(3))

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = torch.sin(self.first(inputs)) * self.scale
        return result


def made(kind: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    kinds: dict[str, Any] = {
        "mlp": lambda: mlp(seed),
        "without bias": lambda: mlp(seed, bias=False),
        "linear": lambda: nn.Linear(4, 2),
        "softmax": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.LogSoftmax(dim=1)),
        "own parameters": lambda: nn.Sequential(nn.Linear(4, 3), nn.PReLU(3), nn.LayerNorm(3), nn.Linear(3, 2)),
        "no Sequential": Odd,
    }
    network: nn.Module = kinds[kind]()
    return network.double()


@pytest.mark.parametrize("kind", ["mlp", "without bias", "linear", "softmax", "own parameters", "no Sequential"])
def test_outputs_and_gradients_are_those_of_each_network(kind: str) -> None:
    networks = [made(kind, seed) for seed in range(3)]
    inputs, _ = samples(3)
    parameters = StackedParameters(networks)
    stack = StackedNetwork(networks)
    outputs = stack(parameters.leaves, inputs, {})
    gradient = parameters.gradient(outputs.square().sum())
    for row, network in enumerate(networks):
        expected = network(inputs[row])
        torch.testing.assert_close(outputs[row], expected)
        alone = torch.autograd.grad(expected.square().sum(), list(network.parameters()))
        torch.testing.assert_close(gradient[row], torch.cat([one.flatten() for one in alone]))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", [(64, 1), (13, 1), (200, 1), (8, 1, 200), (16, 32, 4)])
def test_a_member_alone_has_the_bits_of_one_among_others(widths: tuple[int, ...], bias: bool) -> None:
    networks = [mlp(seed, widths=widths, bias=bias).float() for seed in range(3)]
    inputs, _ = samples(3, 50, widths[0])
    results = []
    for members in (3, 1):
        parameters = StackedParameters(networks[:members])
        outputs = StackedNetwork(networks[:members])(parameters.leaves, inputs[:members].float(), {})
        gradient = parameters.gradient(outputs.square().sum())
        results.append((outputs[0], gradient[0].clone()))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_dropout_has_the_masks_of_each_network_alone() -> None:
    rates, seeds = (0.1, 0.5, 0.5), (0, 1, 2)
    networks = [mlp(seed, rate).float() for seed, rate in zip(seeds, rates, strict=True)]
    inputs, _ = samples(3)
    inputs = inputs.float()
    parameters = StackedParameters(networks)
    masks = DropoutMasks(networks, seeds, inputs[0])
    for batch in (0, 7):
        drawn = masks.draw(batch, inputs.shape[1])
        outputs = StackedNetwork(networks)(parameters.leaves, inputs, drawn)
        for row, (network, seed) in enumerate(zip(networks, seeds, strict=True)):
            seed_generators(mix("step", seed, batch, 0), torch.device("cpu"))
            kept: dict[str, Tensor] = {}

            def keep(name: str) -> Any:
                return lambda layer, given, output: kept.__setitem__(name, output / given[0])  # noqa: B023

            handles = [getattr(network, name).register_forward_hook(keep(name)) for name in drawn]
            expected = network(inputs[row])
            for handle in handles:
                handle.remove()
            torch.testing.assert_close(outputs[row], expected)
            for name, mask in drawn.items():
                assert torch.equal(mask[row] != 0, kept[name] != 0)
        assert not torch.equal(drawn["drop_0"][1], drawn["drop_0"][2])
    evaluated = StackedNetwork(networks)(parameters.leaves, inputs)
    torch.testing.assert_close(evaluated[0], networks[0].eval()(inputs[0]))


def test_networks_that_cannot_be_stacked_say_why() -> None:
    assert why_not_stacked(mlp(0, 0.5)) is None
    assert "buffers" in str(why_not_stacked(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))))
    assert "draws random numbers" in str(why_not_stacked(nn.Sequential(nn.Linear(2, 2), nn.RReLU())))
    assert "draws random numbers" in str(why_not_stacked(nn.Sequential(nn.Sequential(nn.Dropout(0.5)))))


def test_a_members_parameters_come_back_by_name() -> None:
    networks = [mlp(seed) for seed in range(3)]
    parameters = StackedParameters(networks)
    columns = parameters.columns([name for name in parameters.shapes if name.endswith("bias")])
    assert int(columns.sum()) == sum(p.numel() for n, p in networks[0].named_parameters() if n.endswith("bias"))
    parameters.keep(torch.tensor([2, 0]))
    for row, network in enumerate((networks[2], networks[0])):
        for name, parameter in network.named_parameters():
            assert torch.equal(parameters.leaves[name][row], parameter)
