"""Noisy functions of known parameters: a linear function, and a sine wave with polynomial features."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.sources import Batch
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.randomness import generator
from gradexp.rules import COUNT, FINITE, NON_NEGATIVE, BatchSize, SampleNumber, list_of


@final
class LinearData(TensorDataModule):
    """``y = true_weight x + true_bias + noise * N(0, 1)``, drawn by `split_seed`.

    The test part has as many further samples.

    Args:
        true_weight: The weight of each feature.
        true_bias: The bias.
        noise: Standard deviation of the noise.
        distribution: Distribution of each feature: "uniform" on [0, 1], or "normal", standard normal.
        num_samples: Samples per part.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    def __init__(
        self,
        true_weight: Annotated[
            Sequence[float], list_of(FINITE, "a list of finite numbers, one a feature", empty=False)
        ] = (5.0,),
        true_bias: Annotated[float, FINITE] = 7.0,
        noise: Annotated[float, NON_NEGATIVE] = 0.25,
        distribution: Literal["uniform", "normal"] = "uniform",
        num_samples: Annotated[int, COUNT] = 256,
        batch_size: BatchSize = None,
        val_size: SampleNumber = 0,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.true_weight = torch.tensor(true_weight).float()
        self.true_bias = true_bias
        self.noise = noise
        self.distribution = distribution
        self.num_samples = num_samples

    @property
    def num_features(self) -> int:
        return len(self.true_weight)

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        stream = generator(f"linear/{part}", self.split_seed)
        draw = torch.rand if self.distribution == "uniform" else torch.randn
        inputs = draw(self.num_samples, self.num_features, generator=stream)
        noise = self.noise * torch.randn(self.num_samples, generator=stream)
        return inputs, (inputs @ self.true_weight + self.true_bias + noise).unsqueeze(1)


@final
class PolynomialData(TensorDataModule):
    """``y = sin(2 pi x) + noise * N(0, 1)`` for x uniform on [0, 1] (Bishop 2006, section 1.1), drawn by `split_seed`.

    The features are the Legendre polynomials of 2 x - 1 of degree 1 to `degree`, scaled to mean square 1; the bias of a
    linear regression is the polynomial of degree 0. They are orthogonal: powers of x are so correlated that they slow
    gradient descent down. The test part has as many further samples.

    Args:
        degree: Highest degree of the polynomials; the number of features.
        noise: Standard deviation of the noise.
        num_samples: Samples per part.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    def __init__(
        self,
        degree: Annotated[int, COUNT] = 3,
        noise: Annotated[float, NON_NEGATIVE] = 0.3,
        num_samples: Annotated[int, COUNT] = 25,
        batch_size: BatchSize = None,
        val_size: SampleNumber = 0,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.degree = degree
        self.noise = noise
        self.num_samples = num_samples

    @property
    def num_features(self) -> int:
        return self.degree

    def features(self, x: Tensor) -> Tensor:
        """The scaled Legendre polynomials [samples, degree] at x [samples], by Bonnet's recursion."""
        z = 2 * x - 1
        polynomials = [torch.ones_like(z), z]
        for n in range(1, self.degree):
            polynomials.append(((2 * n + 1) * z * polynomials[n] - n * polynomials[n - 1]) / (n + 1))
        return torch.stack([math.sqrt(2 * n + 1) * polynomials[n] for n in range(1, self.degree + 1)], dim=1)

    def truth(self, x: Tensor) -> Tensor:
        """sin(2 pi x) [samples, 1] at x [samples]."""
        return torch.sin(2 * math.pi * x).unsqueeze(1)

    def draw(self, number: int, purpose: str, *path: int) -> tuple[Tensor, Tensor, Tensor]:
        """Draw x [number], noisy targets and noiseless targets [number, 1], by (purpose, `split_seed`, path)."""
        stream = generator(purpose, self.split_seed, *path)
        x = torch.rand(number, generator=stream)
        noise = self.noise * torch.randn(number, 1, generator=stream)
        return x, self.truth(x) + noise, self.truth(x)

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        x, targets, _ = self.draw(self.num_samples, f"polynomial/{part}")
        return self.features(x), targets

    def resample(self, copies: int, size: int | float) -> Batch:
        """Training sets drawn from the true distribution, of `num_samples` each; `size` is ignored."""
        draws = [self.draw(self.num_samples, "polynomial/resample", number) for number in range(copies)]
        return torch.stack([self.features(x) for x, _, _ in draws]), torch.stack([targets for _, targets, _ in draws])
