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
from gradexp.data.options import StreamOptions
from gradexp.data.sources import MIN_SAMPLES, Source, draw_test_part
from gradexp.data.tables.table_columns import Column, abbreviated, fit_columns
from gradexp.data.tables.table_encoded import Encoded, EncodedTable
from gradexp.data.tables.table_file import read_table
from gradexp.data.tables.table_rows import RawTable, check_columns, read_rows
from gradexp.data.tables.table_target import Target, infer_target
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


@final
class Table(AbstractDataModule):
    """A CSV or Parquet file with a target column.

    Preprocessing is fitted on the training rows and stored in the checkpoint, so that new files are treated in the same
    way. Numbers and regression targets are standardised, and missing or infinite numbers are replaced by the mean;
    dates become days; text becomes one feature per category. Columns with one value, with more than 100 different texts
    or with a different text in every row are left out, as are rows without a target. `notes` lists what was done.

    The test rows are drawn independently of the seed; `seed` draws the validation rows from the others.

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
        batch_size: Training rows per step and process; full batches if there are fewer rows; None for full batches.
        val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
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
        batch_size: BatchSize = 64,
        val_size: SampleNumber = 0.2,
        **options: Unpack[StreamOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.path = Path(path).expanduser()
        self.target = str(target)  # YAML parses a name of digits as a number
        self.kind = kind
        self.separator = SEPARATOR_NAMES.get(separator, separator) if separator else None
        self.test_size = test_size
        self.test_path = Path(test_path).expanduser() if test_path else None
        self.drop = [str(name) for name in drop]
        self._target: Target | None = None
        self._columns: list[Column] | None = None
        self._raw: dict[str, RawTable] = {}

    @property
    def num_features(self) -> int:
        return sum(column.width for column in self._fitted()[0])

    @property
    def feature_names(self) -> list[str]:
        return [name for column in self._fitted()[0] for name in column.feature_names]

    @property
    def classes(self) -> list[str]:
        return list(self._fitted()[1].classes)

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

    def load(self, part: Literal["train", "test"]) -> RawTable:
        # The file is read once for both parts; `pop` frees each part's memory after its use.
        if part not in self._raw:
            self._read()
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

    def read_samples(self, path: Path) -> Samples:
        """The rows of a CSV or Parquet file; it needs no target column.

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
        return Samples(frame, inputs, tuple(notes))

    def preprocessing_state(self) -> dict[str, Any]:
        columns, target = self._fitted()
        return {"target": target.state(), "columns": [column.state() for column in columns]}

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        target = Target.from_state(state["target"])
        columns = [Column.from_state(column) for column in state["columns"]]
        if self._columns is not None and _schema(self._columns, self._target) != _schema(columns, target):
            raise ValueError(
                f"data.path must hold the columns and classes that the checkpoint was trained on; {self.path} now has "
                "others. Train a new model, without ckpt_path."
            )
        self._target, self._columns = target, columns

    def _read(self) -> None:
        """Read the file, and split it into the training and the test part."""
        frame, values, decimal_comma = self._read_rows(self.path, "data.path", drop=self.drop)
        assert self._target is not None
        if len(values) < MIN_SAMPLES:
            raise ValueError(
                f"data.path must have at least {MIN_SAMPLES} rows with a target (to train, validate and test); "
                f"{self.path} has {len(values)}."
            )
        in_test = pl.Series(draw_test_part(len(values), 0 if self.test_path else self.test_size, "rows").numpy())
        train = frame.filter(~in_test), values.filter(~in_test), decimal_comma
        test = frame.filter(in_test), values.filter(in_test), decimal_comma
        if self._target.kind == "classification" and not self._target.classes:
            self._target = self._target.with_classes(train[1])
        if self.test_path is not None:
            test = self._read_rows(self.test_path, "data.test_path", needed=frame.columns)
        self._raw["test"] = self._encode_targets(*test)
        self._raw["train"] = self._encode_targets(*train)

    def _read_rows(
        self, path: Path, key: str, drop: Sequence[str] = (), needed: Sequence[str] = ()
    ) -> tuple[pl.DataFrame, pl.Series, bool]:
        """The rows that have a target: the other columns, the target, and whether numbers are written as 1,5."""
        frame, decimal_comma = read_rows(path, key, self.separator, self.target, drop)
        check_columns(key, path, frame, needed)
        if self.target in drop:
            raise ValueError(f"data.drop must not have the target, {self.target}; got {self.drop}.")
        target, values, note = infer_target(frame[self.target], self._target.kind if self._target else self.kind)
        if self._target is None:
            self._target = target
            self._note(note)
        frame = frame.drop(self.target, *drop)
        missing = values.null_count()
        if missing:
            self._note(f"left out, without a target: {missing:,} of the {len(values):,} rows of {path.name}")
            frame, values = frame.filter(values.is_not_null()), values.drop_nulls()
        return frame, values, decimal_comma

    def _encode_targets(self, frame: pl.DataFrame, values: pl.Series, decimal_comma: bool) -> RawTable:
        """The rows with encoded targets, without test rows whose class the training rows lack."""
        assert self._target is not None
        targets = self._target.encode(values)
        unknown = targets == -1
        if self._target.kind == "classification" and unknown.any():
            known = pl.Series((~unknown).numpy())
            classes = abbreviated(values.filter(~known).unique().sort().to_list())
            self._note(f"left out, classes without training rows: {int(unknown.sum()):,} test rows ({classes})")
            frame, targets = frame.filter(known), targets[~unknown]
        return RawTable(frame, targets, decimal_comma)


def _schema(columns: Sequence[Column], target: Target | None) -> tuple[Any, ...]:
    """The features and classes, without their means and standard deviations."""
    assert target is not None
    features = [(column.name, column.kind, column.missing, column.categories) for column in columns]
    return features, target.name, target.kind, target.classes
