"""Small networks and data for the tests of stacks."""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn


def mlp(seed: int, dropout: float = 0.0, widths: tuple[int, ...] = (4, 5, 6, 3), bias: bool = True) -> nn.Sequential:
    """A Sequential of linear layers, tanh and dropout in float64, with initial weights drawn from a seed."""
    torch.manual_seed(seed)
    layers: list[tuple[str, nn.Module]] = [("flatten", nn.Flatten())]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append((f"linear_{number}", nn.Linear(inputs, outputs, bias=bias)))
        if number < len(widths) - 2:
            layers += [(f"tanh_{number}", nn.Tanh()), *([(f"drop_{number}", nn.Dropout(dropout))] if dropout else [])]
    return nn.Sequential(OrderedDict(layers)).double()


def samples(members: int, number: int = 10, features: int = 4, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Inputs [members, number, features] in float64 and classes [members, number]."""
    stream = torch.Generator().manual_seed(7)
    inputs = torch.randn(members, number, features, dtype=torch.float64, generator=stream)
    return inputs, torch.randint(0, classes, (members, number), generator=stream)
