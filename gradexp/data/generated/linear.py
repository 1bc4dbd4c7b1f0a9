"""A noisy linear function with known coefficients, for linear regression."""

from collections.abc import Sequence
from typing import Annotated, Literal, Unpack, final

import torch
from torch import Tensor

from gradexp.data.options import DataOptions
from gradexp.data.tensor_datamodule import TensorDataModule
from gradexp.randomness import generator
from gradexp.rules import COUNT, FINITE, NON_NEGATIVE, BatchSize, SampleNumber, list_of


@final
class LinearData(TensorDataModule):
    """``y = true_weight x + true_bias + noise * N(0, 1)``, drawn by `seed`; the test part has as many further samples.

    Args:
        true_weight: The weight of each feature.
        true_bias: The bias.
        noise: Standard deviation of the noise.
        distribution: Distribution of each feature: "uniform" on [0, 1], or "normal", standard normal.
        num_samples: Samples per part.
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
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
        stream = generator(f"linear/{part}", self.seed)
        draw = torch.rand if self.distribution == "uniform" else torch.randn
        inputs = draw(self.num_samples, self.num_features, generator=stream)
        noise = self.noise * torch.randn(self.num_samples, generator=stream)
        return inputs, (inputs @ self.true_weight + self.true_bias + noise).unsqueeze(1)
