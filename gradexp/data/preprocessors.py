"""Preprocessing as torch modules, which an exported model contains: from raw samples to inputs of the model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Preprocessor(nn.Module, ABC):
    """From raw samples [batch, ...] to inputs of the model [batch, ...], float32.

    Attributes:
        name: Name of the raw samples, such as "pixels".
        dtype: Their type.
        shape: The shape of one.
    """

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @abstractmethod
    def forward(self, raw: Tensor) -> Tensor: ...

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """What the raw samples are, and the numbers of the preprocessing, as plain data."""

    @abstractmethod
    def draw(self, number: int, stream: torch.Generator) -> Tensor:
        """Random raw samples [number, ...], for a check without data."""


class PixelScaler(Preprocessor):
    """``(byte - mean) / std`` for images [batch, channels, height, width], uint8.

    Args:
        shape: Channels, height and width.
        mean, std: Of all pixels of the training images.
        white: The byte value of full brightness.
    """

    name, dtype = "pixels", torch.uint8

    def __init__(self, shape: tuple[int, int, int], mean: float, std: float, white: int) -> None:
        super().__init__()
        self.shape, self.white = shape, white
        self.mean, self.std = mean, std

    def forward(self, raw: Tensor) -> Tensor:
        return (raw.float() - self.mean) / self.std

    def description(self) -> dict[str, Any]:
        meaning = f"brightness of each pixel, 0 (black) to {self.white}, by channel, row and column"
        formula = "(pixels - mean) / std, as float32"
        return {"meaning": meaning, "preprocessing": formula, "mean": self.mean, "std": self.std}

    def draw(self, number: int, stream: torch.Generator) -> Tensor:
        return torch.randint(0, self.white + 1, (number, *self.shape), generator=stream).to(torch.uint8)


class NumberScaler(Preprocessor):
    """``(number - mean) / std`` by column, for numbers [batch, features], float32.

    Args:
        mean, std: Of each column in the training samples [features]: 0 and 1 where nothing is standardised.
        columns: Names of the features; empty if they have none.
    """

    name, dtype = "numbers", torch.float32
    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, columns: Sequence[str] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.shape, self.columns = tuple(mean.shape), list(columns)

    def forward(self, raw: Tensor) -> Tensor:
        return (raw - self.mean) / self.std

    def description(self) -> dict[str, Any]:
        named = {"columns": self.columns} if self.columns else {}
        scale = {"mean": self.mean.tolist(), "std": self.std.tolist()}
        return {"meaning": "the features", "preprocessing": "(numbers - mean) / std by column", **named, **scale}

    def draw(self, number: int, stream: torch.Generator) -> Tensor:
        return self.mean + self.std * torch.randn(number, *self.shape, generator=stream)
