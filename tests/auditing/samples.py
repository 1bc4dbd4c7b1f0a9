"""Small batches, and a LightningModule made of two functions, for the cases of the audit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

SAMPLES, FEATURES, CLASSES = 12, 6, 3
STEPS, WORDS, SIZE = 5, 9, 6


class Case(NamedTuple):
    """What is audited. The loss is None for a LightningModule, and for a plain module's cross-entropy."""

    module: nn.Module
    batch: Any
    loss: Callable[..., Tensor] | None = None


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def table() -> Tensor:
    """Inputs [samples, features]."""
    return torch.randn(SAMPLES, FEATURES, generator=generator())


def classes() -> Tensor:
    """Classes [samples]."""
    return torch.arange(SAMPLES) % CLASSES


def numbers(width: int = 1) -> Tensor:
    """Real targets [samples, width]."""
    return torch.randn(SAMPLES, width, generator=generator()).sin()


def images(channels: int = 1) -> Tensor:
    """Inputs [samples, channels, size, size]."""
    return torch.randn(SAMPLES, channels, SIZE, SIZE, generator=generator())


def masks() -> Tensor:
    """A class for each pixel [samples, size, size]."""
    return (images()[:, 0] > 0).long()


def series() -> Tensor:
    """Inputs [samples, steps, 4]."""
    return torch.randn(SAMPLES, STEPS, 4, generator=generator())


def words() -> Tensor:
    """Tokens [samples, steps]."""
    return torch.randint(1, WORDS, (SAMPLES, STEPS), generator=generator())


def mlp(
    outputs: int = CLASSES, inputs: int = FEATURES, hidden: int = 12, activation: type[nn.Module] = nn.Tanh
) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), activation(), nn.Linear(hidden, outputs))


class Lit(LightningModule):
    """A LightningModule of a network and a step, a function of the module and the batch."""

    def __init__(
        self, network: nn.Module, step: Callable[[Any, Any], Tensor], forward: Callable[[Any, Any], Any] | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self._step = step
        self._forward = forward

    def forward(self, *inputs: Any) -> Any:
        return self.network(*inputs) if self._forward is None else self._forward(self, *inputs)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self._step(self, batch)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Calls(nn.Module):
    """Applies a function to a network and its inputs."""

    def __init__(self, network: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self.network, *inputs)
