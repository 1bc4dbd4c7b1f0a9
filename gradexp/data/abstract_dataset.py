"""What each data module implements: how its data set is read and preprocessed, and what features and targets are."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from gradexp.data.given_samples import raw_numbers
from gradexp.data.preprocessors import Preprocessor
from gradexp.data.sources import Source

if TYPE_CHECKING:
    import polars as pl  # takes half a second


@dataclass(frozen=True)
class Samples:
    """Samples to predict.

    Attributes:
        frame: One row per sample as the user knows it: its file name, or its columns as they were read.
        inputs: The samples as inputs of the model [samples, ...].
        notes: What the user should know about how they were read.
        truth: Their true classes, as text, or numbers in the target's units; None where they are unknown.
    """

    frame: "pl.DataFrame"
    inputs: Tensor
    notes: tuple[str, ...] = ()
    truth: "pl.Series | None" = None


class AbstractDataset(ABC):
    """The parts of a data set, their preprocessing and their description."""

    @abstractmethod
    def load(self, part: Literal["train", "test"]) -> Source:
        """Read the training or the test part, not preprocessed."""

    @abstractmethod
    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        """Compute what preprocessing needs, such as mean and std, from the training samples `indices` of `source`."""

    @abstractmethod
    def preprocess(self, source: Source) -> Source:
        """The samples of `source` as inputs of the model."""

    @abstractmethod
    def preprocessing_state(self) -> dict[str, Any]:
        """Preprocessing as plain data, with which a checkpoint alone can preprocess new samples."""

    @abstractmethod
    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        """Restore preprocessing from a checkpoint."""

    @property
    @abstractmethod
    def is_fitted(self) -> bool:
        """Whether preprocessing is known, from the training samples or from a checkpoint."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Number of features of one sample."""

    @property
    def feature_names(self) -> list[str]:
        """Names of the features; empty if they have none."""
        return []

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """Class names, by class number; empty for regression."""

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.classes)

    @property
    def target_name(self) -> str:
        """Name of the target; "" if it has none."""
        return ""

    @property
    def target_std(self) -> float:
        """What regression targets were divided by, in their original units."""
        return 1.0

    def in_target_units(self, outputs: Tensor) -> Tensor:
        """Regression predictions [samples, targets] in the original units of the targets."""
        return outputs

    def describe(self, source: Source) -> "pl.DataFrame":
        """A row for each sample of a test part that `load` gave: its columns, the name of its file, or its number."""
        import polars as pl

        return pl.DataFrame({"sample": [f"test/{number}" for number in range(len(source))]})

    def preprocessor(self) -> Preprocessor | None:
        """The preprocessing of inputs as a module, once it is known; None if there is none that can be exported."""
        return None

    def raw(self, source: Source, indices: Tensor) -> Tensor:
        """The samples at `indices` of a part that `load` gave, as `preprocessor` takes them."""
        raise NotImplementedError

    def raw_samples(self, samples: Any) -> Tensor:
        """Samples that a Python program holds, as `preprocessor` takes them [samples, ...].

        Raises:
            ValueError: They are nothing that this data module can take.
        """
        return raw_numbers(samples, self.preprocessor())

    def in_own_units(self, inputs: Tensor) -> dict[str, list[Any]]:
        """Inputs of the model [samples, features] as columns that the user knows, in their own units."""
        names = self.feature_names or [f"x{number}" for number in range(1, inputs.shape[1] + 1)]
        return dict(zip(names, inputs.T.tolist(), strict=True))

    def read_samples(self, path: Path) -> Samples:
        """The samples to predict in the user's file or folder.

        Raises:
            ValueError: There are none that this data module can read.
        """
        raise ValueError(f"input must be null for {type(self).__name__}, which reads no files; got {path}.")
