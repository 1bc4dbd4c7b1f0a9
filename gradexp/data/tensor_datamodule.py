"""The base of the small data sets: all samples as two tensors, standardised on request."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.options import DataOptions
from gradexp.data.preprocessors import NumberScaler
from gradexp.data.sources import Source, TensorSource
from gradexp.rules import BatchSize, SampleNumber
from gradexp.untrusted import check_kinds


class TensorDataModule(AbstractDataModule):
    """A generated or bundled data set of real numbers; a final sub-class implements `tensors` and `num_features`.

    Targets are real numbers [samples, targets], or class numbers [samples] if the sub-class has `classes`.

    Args:
        batch_size, val_size, seed, shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
        standardize: Standardise inputs, and regression targets, by the mean and standard deviation of the training
            samples.
    """

    def __init__(
        self,
        batch_size: BatchSize,
        val_size: SampleNumber,
        standardize: bool = False,
        **options: Unpack[DataOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.standardize = standardize
        self._scales: dict[str, Tensor] = {}

    @abstractmethod
    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        """Inputs [samples, features] and targets of the training or the test part."""

    @property
    def classes(self) -> list[str]:
        return []

    def load(self, part: Literal["train", "test"]) -> TensorSource:
        return TensorSource(*self.tensors(part))

    @property
    def is_fitted(self) -> bool:
        return bool(self._scales) or not self.standardize

    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        inputs, targets = source[indices]
        self._scales = {"input_mean": inputs.mean(0), "input_std": _std(inputs)}
        if not self.classes:
            self._scales |= {"target_mean": targets.mean(0), "target_std": _std(targets)}

    def preprocess(self, source: Source) -> TensorSource:
        assert isinstance(source, TensorSource)
        if not self._scales:
            return source
        inputs = (source.inputs - self._scales["input_mean"]) / self._scales["input_std"]
        if self.classes:
            return TensorSource(inputs, source.targets)
        return TensorSource(inputs, (source.targets - self._scales["target_mean"]) / self._scales["target_std"])

    def in_target_units(self, outputs: Tensor) -> Tensor:
        if "target_std" not in self._scales:
            return outputs
        return outputs * self._scales["target_std"] + self._scales["target_mean"]

    def preprocessor(self) -> NumberScaler:
        nothing = torch.zeros(self.num_features), torch.ones(self.num_features)
        mean, std = (
            self._scales.get(f"input_{name}", scale) for name, scale in zip(("mean", "std"), nothing, strict=True)
        )
        return NumberScaler(mean, std, self.feature_names)

    def raw(self, source: Source, indices: Tensor) -> Tensor:
        return source[indices][0]

    @property
    def target_std(self) -> float:
        std = self._scales.get("target_std")
        return std.item() if std is not None and std.numel() == 1 else 1.0

    def preprocessing_state(self) -> dict[str, Any]:
        return dict(self._scales)

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        check_kinds(state, **dict.fromkeys(state, Tensor))
        for name, scale in state.items():
            if not scale.is_floating_point() or (name.startswith("input") and scale.numel() != self.num_features):
                raise TypeError(f"{name} is {scale.dtype}, {list(scale.shape)}")
        self._scales = dict(state)


def _std(values: Tensor) -> Tensor:
    """The standard deviation of each column [columns], with 1 for a constant column."""
    std = values.std(0, correction=0)
    return torch.where(std > 0, std, 1.0)
