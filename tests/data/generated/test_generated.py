"""Properties of all small data modules: draws by seed, separate parts, constant columns."""

from typing import Any, Literal, final

import numpy as np
import pytest
import torch
from torch import Tensor

from gradexp.data import Blobs, LinearData, Separable, TensorDataModule

generated = pytest.mark.parametrize("cls", [Blobs, LinearData, Separable])


def tensors(cls: Any, part: Literal["train", "test"], seed: int) -> tuple[Tensor, Tensor]:
    drawn: tuple[Tensor, Tensor] = cls(seed=seed).tensors(part)
    return drawn


@generated
def test_same_seed_draws_the_same_samples(cls: Any) -> None:
    for part in ("train", "test"):
        first = tensors(cls, part, seed=3)
        torch.manual_seed(12345)
        assert all(map(torch.equal, first, tensors(cls, part, seed=3)))


@generated
def test_parts_and_seeds_share_no_sample(cls: Any) -> None:
    draws = [tensors(cls, part, seed)[0] for part in ("train", "test") for seed in range(4)]
    samples = torch.cat(draws)
    assert len(torch.unique(samples, dim=0)) == len(samples)


@generated
def test_drawing_leaves_the_global_generator_unchanged(cls: Any) -> None:
    before = torch.random.get_rng_state()
    tensors(cls, "train", seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


@final
class Constant(TensorDataModule):
    """A feature and a target with one value."""

    num_features = 2

    def __init__(self) -> None:
        super().__init__(None, 0, standardize=True)

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        return torch.tensor([[1.0, 7.0], [3.0, 7.0]]), torch.tensor([[5.0], [5.0]])


def test_constant_columns_are_standardised_to_zero() -> None:
    data = Constant()
    data.setup("fit")
    inputs, targets = data.sample(2)
    np.testing.assert_array_equal(np.sort(inputs.numpy(), axis=0), [[-1, 0], [1, 0]])
    np.testing.assert_array_equal(targets, [[0], [0]])
    np.testing.assert_array_equal(data.in_target_units(targets), [[5], [5]])
