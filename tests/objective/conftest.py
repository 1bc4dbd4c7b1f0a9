"""Outputs and targets for the tests of losses."""

import pytest
import torch
from torch import Tensor

from tests.objective.loss_cases import CLASSES, SAMPLES


@pytest.fixture
def logits() -> Tensor:
    return 2 * torch.randn(SAMPLES, CLASSES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def classes() -> Tensor:
    return torch.randint(CLASSES, (SAMPLES,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def scores(logits: Tensor) -> Tensor:
    return logits[:, :1]


@pytest.fixture
def bits(classes: Tensor) -> Tensor:
    """Targets of one output, as the models encode them [samples, 1]."""
    return (classes > 0).double().unsqueeze(1)
