"""Batches for the audit."""

import pytest
import torch

from gradexp.data.sources import Batch

SAMPLES, FEATURES, CLASSES = 32, 12, 4


@pytest.fixture
def batch() -> Batch:
    """Samples of four classes that are nearly linearly separable."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, FEATURES, generator=generator)
    classes = torch.arange(SAMPLES) % CLASSES
    return centres[classes] + 0.5 * torch.randn(SAMPLES, FEATURES, generator=generator), classes


@pytest.fixture
def numbers(batch: Batch) -> Batch:
    """The same samples with regression targets."""
    return batch[0], batch[0].sum(1, keepdim=True).sin()
