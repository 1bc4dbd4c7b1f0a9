"""The user's own table, a CSV or Parquet file: numbers, dates and categories in, a number or a class out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Unpack, final

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gradexp.data.abstract_datamodule import AbstractDataModule
from gradexp.data.options import StreamOptions
from gradexp.data.samples import Samples
from gradexp.data.sources import Batch, Source
from gradexp.data.tables.table_columns import Column, learn_columns, listed
from gradexp.data.tables.table_encoded import Encoded, EncodedTable
from gradexp.data.tables.table_file import read_table
from gradexp.data.tables.table_names import check_columns, no_such_column
from gradexp.data.tables.table_target import Target, recognise
from gradexp.randomness import generator
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

FEWEST_ROWS = 5  # one to test, one to validate, three to train on


class RawTable:
    """Rows as they were read, and their targets: class numbers, or numbers in their own units."""

    def __init__(self, frame: pl.DataFrame, targets: Tensor, decimal_comma: bool) -> None:
        self.frame = frame
        self.targets = targets
        self.decimal_comma = decimal_comma

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: Tensor) -> Batch:
        raise AssertionError("rows have no features until they are preprocessed")


@final
class Table(AbstractDataModule):
    """A CSV or Parquet file with a target column.

    Everything that preprocessing takes from the data it takes from the training rows, and keeps in the checkpoint, so
    that new files are treated alike: numbers are standardised, a missing or infinite one becomes the mean; dates count
    in days; text is one feature a category. Left out are columns with one value, with more than 100 different texts or
    another one in every row, and rows without a target. `notes` says what was done. Real targets are standardised too.

    The test rows are drawn once from the file, in the same way whatever the seed; validation rows are drawn by seed
    from the others.

    Args:
        path: The file.
        target: Name of the column to predict.
        kind: "regression" or "classification"; None to recognise it: text, truth values and whole numbers of which
            there are at most 20 (and half as many as rows) are classes, other numbers are not.
        separator: Between the fields of a CSV file: comma, semicolon, tab, pipe, space or another character; None for
            the one of the first four that fits.
        test_size: Rows that are kept for the test, as a number (0 for none) or as a fraction of the file.
        test_path: Another file whose rows are the test part; then all of `path` is there to train on.
        drop: Columns that are not used, such as identifiers.
        batch_size: Training rows a step and process; full batches where there are fewer rows; None for full batches.
        val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

    full_batch_if_fewer = True  # of a table that a new user tries, few know how many rows it has

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
        self.target = str(target)  # YAML reads a name of digits as a number
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
        return sum(column.width for column in self._known()[0])

    @property
    def feature_names(self) -> list[str]:
        return [name for column in self._known()[0] for name in column.feature_names]

    @property
    def classes(self) -> list[str]:
        return list(self._known()[1].classes)

    @property
    def target_std(self) -> float:
        """The training rows' standard deviation of the target, by which it is divided; 1 for classes."""
        return self._known()[1].std

    @property
    def is_fitted(self) -> bool:
        return self._columns is not None

    def _known(self) -> tuple[list[Column], Target]:
        """Columns and target; a model's sizes are asked for before Lightning sets up."""
        if not self.is_fitted:
            self.setup("fit")
        assert self._columns is not None
        assert self._target is not None
        return self._columns, self._target

    def load(self, part: Literal["train", "test"]) -> RawTable:
        # Both parts come from one reading, and are handed out once, so that the file is not held longer than needed.
        if part not in self._raw:
            self._read()
        return self._raw.pop(part)

    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        assert isinstance(source, RawTable)
        assert self._target is not None
        chosen = np.zeros(len(source), dtype=bool)
        chosen[indices.numpy()] = True
        # In the order of the file memory is read several times faster.
        rows = np.flatnonzero(chosen)
        columns, notes = learn_columns(source.frame, rows)
        if not columns:
            raise ValueError(
                f"data.path must have a column to learn from beside the target; {self.path} has none: "
                f"{'; '.join(notes) or f'it has {self.target} alone'}."
            )
        if self._target.kind == "regression":
            self._target = self._target.with_spread(source.targets[torch.from_numpy(rows)])
        self._columns = columns
        self._note(*notes)

    def preprocess(self, source: Source) -> EncodedTable:
        assert isinstance(source, RawTable)
        columns, target = self._known()
        encoded = Encoded(columns, source.frame, source.decimal_comma)
        self._note(*encoded.notes)
        if target.kind == "classification":
            return EncodedTable(encoded, source.targets)
        return EncodedTable(encoded, ((source.targets - target.mean) / target.std).float().unsqueeze(1))

    def in_target_units(self, outputs: Tensor) -> Tensor:
        _, target = self._known()
        return outputs if target.classes else outputs * target.std + target.mean

    def read_samples(self, path: Path) -> Samples:
        """The rows of a CSV or Parquet file, which needs no target.

        Raises:
            ValueError: It is no table, or lacks a column that the model was trained on.
        """
        columns, target = self._known()
        frame, decimal_comma = read_table(path, "input", self.separator, verbatim=True)
        check_columns("input", path, frame, [column.name for column in columns])
        encoded = Encoded(columns, frame, decimal_comma)
        inputs = torch.from_numpy(encoded.features(np.arange(len(frame))))
        unused = [name for name in frame.columns if name not in {target.name, *(column.name for column in columns)}]
        notes = [*encoded.notes, *([f"columns that the model does not use: {listed(unused)}"] if unused else [])]
        return Samples(frame, inputs, tuple(notes))

    def preprocessing_state(self) -> dict[str, Any]:
        columns, target = self._known()
        return {"target": target.state(), "columns": [column.state() for column in columns]}

    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        target = Target.from_state(state["target"])
        columns = [Column.from_state(column) for column in state["columns"]]
        if self._columns is not None and _meaning(self._columns, self._target) != _meaning(columns, target):
            raise ValueError(
                f"data.path must hold the columns and classes that the checkpoint was trained on; {self.path} has "
                "others now. Train anew, without ckpt_path."
            )
        self._target, self._columns = target, columns

    def _read(self) -> None:
        """Read the file, and split it into the training and the test part."""
        frame, decimal_comma = self._rows(self.path, "data.path")
        column = frame[self.target]
        if self._target is None:
            self._target, values, note = recognise(column, self.kind)
            self._note(note)
        else:
            _, values, _ = recognise(column, self._target.kind)
        frame = frame.drop(self.target, *self.drop)
        frame, values = self._with_target(frame, values, self.path)
        if len(values) < FEWEST_ROWS:
            raise ValueError(
                f"data.path must have at least {FEWEST_ROWS} rows with a target (to train, validate and test); "
                f"{self.path} has {len(values)}."
            )
        in_test = self._draw_test_rows(len(values))
        train = frame.filter(~in_test), values.filter(~in_test)
        test = frame.filter(in_test), values.filter(in_test)
        if self._target.kind == "classification" and not self._target.classes:
            self._target = self._target.with_classes(train[1])
        if self.test_path is not None:
            test_frame, test_comma = self._rows(self.test_path, "data.test_path")
            check_columns("data.test_path", self.test_path, test_frame, frame.columns)
            _, test_values, _ = recognise(test_frame[self.target], self._target.kind)
            test = self._with_target(test_frame.drop(self.target), test_values, self.test_path)
            self._raw["test"] = self._raw_table(*test, test_comma)
        else:
            self._raw["test"] = self._raw_table(*test, decimal_comma)
        self._raw["train"] = self._raw_table(*train, decimal_comma)

    def _rows(self, path: Path, key: str) -> tuple[pl.DataFrame, bool]:
        frame, decimal_comma = read_table(path, key, self.separator)
        for argument, names in (("target", [self.target]), ("drop", self.drop if key == "data.path" else [])):
            for name in names:
                if name not in frame.columns:
                    raise ValueError(no_such_column(argument, name, path, frame.columns))
        if self.target in self.drop:
            raise ValueError(f"data.drop must not have the target, {self.target}; got {self.drop}.")
        return frame, decimal_comma

    def _with_target(self, frame: pl.DataFrame, values: pl.Series, path: Path) -> tuple[pl.DataFrame, pl.Series]:
        missing = values.null_count()
        if not missing:
            return frame, values
        self._note(f"left out, without a target: {missing:,} of the {len(values):,} rows of {path.name}")
        known = values.is_not_null()
        return frame.filter(known), values.filter(known)

    def _draw_test_rows(self, number: int) -> pl.Series:
        """Which rows are the test part, the same for every seed."""
        in_test = np.zeros(number, dtype=bool)
        if self.test_path is None and self.test_size:
            wanted = self.test_size
            size = max(1, round(wanted * number)) if isinstance(wanted, float) else wanted
            if size > number - FEWEST_ROWS + 1:
                raise ValueError(
                    f"data.test_size must leave {FEWEST_ROWS - 1} rows to train and validate on: at most "
                    f"{number - FEWEST_ROWS + 1} of the {number} rows; got {wanted}."
                )
            in_test[torch.randperm(number, generator=generator("test rows"))[:size].numpy()] = True
        return pl.Series(in_test)

    def _raw_table(self, frame: pl.DataFrame, values: pl.Series, decimal_comma: bool) -> RawTable:
        assert self._target is not None
        targets = self._target.encode(values)
        unknown = targets == -1
        if self._target.kind == "classification" and unknown.any():
            known = pl.Series((~unknown).numpy())
            classes = listed(values.filter(~known).unique().sort().to_list())
            self._note(
                f"left out, of classes that no row to train on has: {int(unknown.sum()):,} test rows ({classes})"
            )
            frame, targets = frame.filter(known), targets[~unknown]
        return RawTable(frame, targets, decimal_comma)


def _meaning(columns: Sequence[Column], target: Target | None) -> tuple[Any, ...]:
    """What inputs and outputs stand for, their spread aside."""
    assert target is not None
    features = [(column.name, column.kind, column.missing, column.categories) for column in columns]
    return features, target.name, target.kind, target.classes
