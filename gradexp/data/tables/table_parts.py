"""Reading the training and the test rows of a table: drawn for a new run, recognised for one in a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from gradexp.data.found_samples import Part
from gradexp.data.run_samples import Hashes, RunSamples
from gradexp.data.sources import MIN_SAMPLES, draw_test_part
from gradexp.data.tables.table_columns import Column
from gradexp.data.tables.table_encoded import Encoded
from gradexp.data.tables.table_rows import RawTable, check_columns, read_rows
from gradexp.data.tables.table_target import Kind, Target, infer_target
from gradexp.rules.words import abbreviated


@dataclass(frozen=True)
class TableFiles:
    """The files of a table.

    Attributes:
        path: The file.
        test_path: The file of the test rows; None if they are in `path`.
        separator: Separator of the fields; None to infer it.
    """

    path: Path
    test_path: Path | None
    separator: str | None

    def draw(
        self, target: str, kind: Kind | None, drop: Sequence[str], test_size: int | float
    ) -> tuple[Target, dict[Part, RawTable], list[str]]:
        """The target, the rows of each part of a new run, and notes on rows that are left out.

        Raises:
            ValueError: A file is not a table, lacks a column, or has too few rows.
        """
        frame, decimal_comma = read_rows(self.path, "data.path", self.separator, target, drop)
        if target in drop:
            raise ValueError(f"data.drop must not have the target, {target}; got {list(drop)}.")
        inferred, values, note = infer_target(frame[target], kind)
        frame, values, notes = _with_target(frame.drop(target, *drop), values, self.path)
        if len(values) < MIN_SAMPLES:
            raise ValueError(
                f"data.path must have at least {MIN_SAMPLES} rows with a target (to train, validate and test); "
                f"{self.path} has {len(values)}."
            )
        in_test = pl.Series(draw_test_part(len(values), 0 if self.test_path else test_size, "rows").numpy())
        train = frame.filter(~in_test), values.filter(~in_test), decimal_comma
        test = frame.filter(in_test), values.filter(in_test), decimal_comma
        if inferred.kind == "classification":
            inferred = inferred.with_classes(train[1])
        parts: dict[Part, RawTable] = {}
        parts["train"], _ = _with_known_class(*train, inferred)
        if self.test_path is None:
            parts["test"], more = _with_known_class(*test, inferred)
        else:
            parts["test"], more = _read_more(self.test_path, "data.test_path", self.separator, inferred, frame.columns)
        return inferred, parts, [note, *notes, *more]

    def samples(self, parts: dict[Part, RawTable], columns: Sequence[Column]) -> tuple[RunSamples, list[str]]:
        """What a checkpoint keeps of the rows of a new run, and a note on test rows that equal training rows."""
        train, test = _hashes(columns, parts["train"]), _hashes(columns, parts["test"])
        samples = RunSamples.of(train, test, self.test_path is not None)
        if self.test_path is None or not samples.num_test_in_train:
            return samples, []
        of_file = f"{len(test):,} test rows of {self.test_path.name}"
        return samples, [f"{samples.num_test_in_train:,} of the {of_file} equal training rows"]

    def find(
        self, part: Part, samples: RunSamples, target: Target, columns: Sequence[Column], with_new: bool
    ) -> tuple[RawTable, list[str]]:
        """The rows of a part of the run `samples`, in files that may have changed since, and notes on the changes.

        Args:
            part: The part.
            samples: The rows of the run.
            target: Its target.
            columns: Its columns.
            with_new: Whether test rows that the run does not know are added.

        Raises:
            ValueError: A file is not a table, lacks a column, or has none of the rows.
        """
        is_apart = part == "test" and self.test_path is not None
        path, key = (self.test_path, "data.test_path") if is_apart else (self.path, "data.path")
        assert path is not None
        rows, notes = _read_more(path, key, self.separator, target, [column.name for column in columns])
        found = samples.find(_hashes(columns, rows), is_apart)
        positions, more = found.choose(part, with_new, path, key, "rows")
        return rows.take(positions), [*notes, *more]


def _hashes(columns: Sequence[Column], rows: RawTable) -> Hashes:
    return Encoded(columns, rows.frame, rows.decimal_comma).hashes(rows.targets)


def _read_more(
    path: Path, key: str, separator: str | None, target: Target, needed: Sequence[str]
) -> tuple[RawTable, list[str]]:
    """The rows of another file, or of a changed one, and notes on those that are left out.

    Fields stay text, because the types that polars would infer depend on all rows of a file: one 1.5 makes a column of
    whole numbers floats.

    Args:
        path: The file.
        key: The argument that names it.
        separator: Separator of the fields; None to infer it.
        target: The target, with its classes.
        needed: The other columns.

    Raises:
        ValueError: The file is not a table, lacks a column, or has no targets.
    """
    frame, decimal_comma = read_rows(path, key, separator, target.name, verbatim=True)
    check_columns(key, path, frame, needed)
    # Columns that the model does not use stay beside its predictions.
    others = frame.drop(target.name)
    frame, values, notes = _with_target(others, target.read(frame[target.name], decimal_comma), path)
    rows, more = _with_known_class(frame, values, decimal_comma, target)
    return rows, [*notes, *more]


def _with_target(frame: pl.DataFrame, values: pl.Series, path: Path) -> tuple[pl.DataFrame, pl.Series, list[str]]:
    """The rows that have a target, and a note on the others."""
    missing = values.null_count()
    if not missing:
        return frame, values, []
    note = f"left out, without a target: {missing:,} of the {len(values):,} rows of {path.name}"
    return frame.filter(values.is_not_null()), values.drop_nulls(), [note]


def _with_known_class(
    frame: pl.DataFrame, values: pl.Series, decimal_comma: bool, target: Target
) -> tuple[RawTable, list[str]]:
    """The rows with encoded targets, and a note on test rows whose class the training rows lack."""
    targets = target.encode(values)
    unknown = targets == -1
    if target.kind == "regression" or not unknown.any():
        return RawTable(frame, targets, decimal_comma), []
    known = pl.Series((~unknown).numpy())
    classes = abbreviated(values.filter(~known).unique().sort().to_list())
    note = f"left out, classes without training rows: {int(unknown.sum()):,} test rows ({classes})"
    return RawTable(frame.filter(known), targets[~unknown], decimal_comma), [note]
