"""Samples to audit with."""

import pytest
import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
SAMPLES, FEATURES, CLASSES = 32, 12, 4


@pytest.fixture
def batch() -> Batch:
    """Samples of four classes that a linear model can tell apart, nearly."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, FEATURES, generator=generator)
    classes = torch.arange(SAMPLES) % CLASSES
    return centres[classes] + 0.5 * torch.randn(SAMPLES, FEATURES, generator=generator), classes


@pytest.fixture
def numbers(batch: Batch) -> Batch:
    """The same samples with a number each."""
    return batch[0], batch[0].sum(1, keepdim=True).sin()
