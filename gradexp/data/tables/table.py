"""The user's table, a CSV or Parquet file: inputs are numbers, dates and categories, the target a number or a class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Unpack, final

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.abstract_dataset import Samples
from gradexp.data.found_samples import Part, check_no_new_rows
from gradexp.data.options import StreamOptions
from gradexp.data.run_samples import RunSamples
from gradexp.data.sources import Source
from gradexp.data.tables.given_rows import raw_rows
from gradexp.data.tables.table_columns import Column, fit_columns
from gradexp.data.tables.table_encoded import Encoded, EncodedTable, decoded
from gradexp.data.tables.table_file import read_table
from gradexp.data.tables.table_parts import TableFiles
from gradexp.data.tables.table_preprocessor import TableEncoder
from gradexp.data.tables.table_rows import RawTable, check_columns
from gradexp.data.tables.table_target import Target
from gradexp.files import user_path
from gradexp.rules import (
    COLUMNS,
    PATH,
    SEPARATOR,
    SEPARATOR_NAMES,
    TARGET_COLUMN,
    TEXT,
    BatchSize,
    Rule,
    SampleNumber,
    or_null,
)
from gradexp.rules.words import abbreviated


@final
class Table(AbstractDataModule):
    """A CSV or Parquet file with a target column.

    Preprocessing is fitted on the training rows and stored in the checkpoint, so that new files are treated in the same
    way. Numbers and regression targets are standardised, and missing or infinite numbers are replaced by the mean;
    dates become days; text becomes one feature per category. Columns with one value, with more than 100 different texts
    or with a different text in every row are left out, as are rows without a target. `notes` lists what was done.

    The test rows are drawn independently of the seed; `split_seed` draws the validation rows from the others. They
    belong to the run: a checkpoint knows the rows of both parts by their values, and tests its own test rows in a file
    that has changed since. It never tests training rows.

    Args:
        path: The file.
        target: Name of the column to predict.
        kind: "regression" or "classification"; None to infer it: text, Booleans, and whole numbers with at most 20
            different values (and at most half as many as rows) are classes, other numbers are not.
        separator: Separator of the fields of a CSV file: comma, semicolon, tab, pipe, space or another character; None
            to infer it among the first four.
        test_size: Test rows, as a number (0 for none) or as a fraction of the file.
        test_path: Another file whose rows are the test part; then all rows of `path` are in the training part.
        drop: Columns to leave out, such as identifiers.
        new_rows: With a checkpoint, also test rows that its run does not know.
        batch_size: Training rows per step and process; full batches if there are fewer rows; None for full batches.
        val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    full_batch_if_fewer = True  # new users may not know the number of rows of their table

    def __init__(
        self,
        path: Annotated[str, PATH],
        target: Annotated[str, TARGET_COLUMN],
        kind: Literal["regression", "classification"] | None = None,
        separator: Annotated[str | None, or_null(SEPARATOR)] = None,
        test_size: SampleNumber = 0.2,
        test_path: Annotated[str | None, or_null(Rule("a file", TEXT.holds))] = None,
        drop: Annotated[Sequence[str], COLUMNS] = (),
        new_rows: bool = False,
        batch_size: BatchSize = 64,
        val_size: SampleNumber = 0.2,
        **options: Unpack[StreamOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.path = user_path(path)
        self.test_path = user_path(test_path) if test_path else None
        self.target = str(target)  # YAML parses a name of digits as a number
        self.kind = kind
        self.separator = SEPARATOR_NAMES.get(separator, separator) if separator else None
        self.test_size = test_size
        self.drop = [str(name) for name in drop]
        self.new_rows = new_rows
        self._target: Target | None = None
        self._columns: list[Column] | None = None
        self._samples: RunSamples | None = None
        self._files = TableFiles(self.path, self.test_path, self.separator)
        self._raw: dict[Part, RawTable] = {}

    @property
    def num_features(self) -> int:
        return sum(column.width for column in self._fitted()[0])

    @property
    def feature_names(self) -> list[str]:
        return [name for column in self._fitted()[0] for name in column.feature_names]

    @property
    def classes(self) -> list[str]:
        return list((self._target or self._fitted()[1]).classes)  # known once the file is read

    @property
    def target_name(self) -> str:
        return self.target

    @property
    def target_std(self) -> float:
        """The standard deviation of the target in the training rows, by which it is divided; 1 for classes."""
        return self._fitted()[1].std

    @property
    def is_fitted(self) -> bool:
        return self._columns is not None

    def _fitted(self) -> tuple[list[Column], Target]:
        """Columns and target; runs `setup` if needed, because a model's sizes are needed before Lightning calls it."""
        if not self.is_fitted:
            self.setup("fit")
        assert self._columns is not None
        assert self._target is not None
        return self._columns, self._target

    def load(self, part: Part) -> RawTable:
        if part == "train":
            check_no_new_rows(self.new_rows, "rows")
        if part not in self._raw and self._samples is not None:
            columns, target = self._fitted()
            rows, notes = self._files.find(part, self._samples, target, columns, self.new_rows)
            self._note(*notes)
            return rows
        if part not in self._raw:
            # The file is read once for both parts; `pop` frees each part's memory after its use.
            self._target, self._raw, notes = self._files.draw(self.target, self.kind, self.drop, self.test_size)
            self._note(*notes)
        return self._raw.pop(part)

    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        assert isinstance(source, RawTable)
        assert self._target is not None
        # Reading rows in the order of the file is several times faster.
        rows = np.sort(indices.numpy())
        columns, notes = fit_columns(source.frame, rows)
        if not columns:
            raise ValueError(
                f"data.path must have a column to learn from besides the target; {self.path} has none: "
                f"{'; '.join(notes) or f'it has only {self.target}'}."
            )
        if self._target.kind == "regression":
            self._target = self._target.with_scale(source.targets[torch.from_numpy(rows)])
        self._columns = columns
        self._note(*notes)
        self._samples, notes = self._files.samples({"train": source, "test": self._raw["test"]}, columns)
        self._note(*notes)

    def preprocess(self, source: Source) -> EncodedTable:
        assert isinstance(source, RawTable)
        columns, target = self._fitted()
        encoded = Encoded(columns, source.frame, source.decimal_comma)
        self._note(*encoded.notes)
        if target.kind == "classification":
            return EncodedTable(encoded, source.targets)
        return EncodedTable(encoded, ((source.targets - target.mean) / target.std).float().unsqueeze(1))

    def in_target_units(self, outputs: Tensor) -> Tensor:
        _, target = self._fitted()
        return outputs if target.classes else outputs * target.std + target.mean

    def preprocessor(self) -> TableEncoder:
        return TableEncoder(self._fitted()[0])

    def raw(self, source: Source, indices: Tensor) -> Tensor:
        assert isinstance(source, RawTable)
        encoded = Encoded(self._fitted()[0], source.frame, source.decimal_comma)
        return torch.from_numpy(encoded.raw(indices.numpy()))

    def describe(self, source: Source) -> pl.DataFrame:
        assert isinstance(source, RawTable)
        return source.frame

    def in_own_units(self, inputs: Tensor) -> dict[str, list[Any]]:
        return decoded(self._fitted()[0], inputs.numpy())

    def read_samples(self, path: Path) -> Samples:
        """The rows of a CSV or Parquet file; it needs no target column, whose values are the truth if it has one.

        Raises:
            ValueError: The file is not a table, or lacks a column that the model was trained on.
        """
        columns, target = self._fitted()
        frame, decimal_comma = read_table(path, "input", self.separator, verbatim=True)
        check_columns("input", path, frame, [column.name for column in columns])
        encoded = Encoded(columns, frame, decimal_comma)
        inputs = torch.from_numpy(encoded.features(np.arange(len(frame))))
        unused = [name for name in frame.columns if name not in {target.name, *(column.name for column in columns)}]
        notes = [*encoded.notes, *([f"columns that the model does not use: {abbreviated(unused)}"] if unused else [])]
        return Samples(frame, inputs, tuple(notes), target.read_if_known(frame, decimal_comma))

    def raw_samples(self, samples: Any) -> Tensor:
        return raw_rows(samples, self._fitted()[0], self.separator)

    def preprocessing_state(self) -> dict[str, Any]:
        columns, target = self._fitted()
        assert self._samples is not None
        return {
            "target": target.state(),
            "columns": [column.state() for column in columns],
            "samples": self._samples.state(),
        }

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        target = Target.from_state(state["target"])
        columns = [Column.from_state(column) for column in state["columns"]]
        if self._columns is not None and _schema(self._columns, self._target) != _schema(columns, target):
            raise ValueError(
                f"data.path must hold the columns and classes that the checkpoint was trained on; {self.path} now has "
                "others. Train a new model, without ckpt_path."
            )
        samples = RunSamples.from_state(state["samples"])
        if self._samples is not None and not self._samples.equals(samples):
            raise ValueError(
                f"data.path must hold the rows that the run was started with, in the same order; {self.path} now has "
                "others. Restore the file, or train a new model, without ckpt_path."
            )
        self._target, self._columns, self._samples = target, columns, samples


def _schema(columns: Sequence[Column], target: Target | None) -> tuple[Any, ...]:
    """The features and classes, without their means and standard deviations."""
    assert target is not None
    features = [(column.name, column.kind, column.missing, column.categories) for column in columns]
    return features, target.name, target.kind, target.classes
