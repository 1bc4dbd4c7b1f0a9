"""Reading tables from CSV and Parquet files, with a specific message for each kind of unreadable file."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from gradexp.data.tables.blank_lines import without_blank_lines
from gradexp.rules import SEPARATOR_NAMES, did_you_mean

# Strings for missing values; they are compared case-sensitively, without surrounding spaces.
NULLS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "#N/A", "<NA>")
SEPARATORS = {character: name for name, character in SEPARATOR_NAMES.items()}
INFERRED_SEPARATORS = (",", ";", "\t", "|")
HUGE = r"^\s*[+-]?\d{39,}\s*$"  # 39 digits are the most that 128 bits hold
HEAD_BYTES, HEAD_LINES = 2**16, 50  # from which the format of the file is inferred
INFERRED_ROWS = 1000  # from which column types are inferred; from all rows if a later row does not fit
SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive; save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    # polars would unpack these, to whatever size.
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard; unpack it",
    **dict.fromkeys((b"x\x01", b"x\x9c", b"x\xda"), "compressed by zlib; unpack it"),
    b"\xff\xfe": "in UTF-16; save it as CSV in UTF-8",
    b"\xfe\xff": "in UTF-16; save it as CSV in UTF-8",
}
# Text in a file of such a name is one line of column names to a reader of CSV.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".svg", ".pdf")
OTHER_ENDINGS = (*PICTURES, ".ckpt", ".pt", ".pth", ".json", ".yaml", ".yml", ".xml", ".html", ".ipynb", ".py")


class TableFile(NamedTuple):
    """A table as it was read.

    Attributes:
        frame: Its rows; column names without surrounding spaces.
        decimal_comma: Whether numbers are written as 1,5.
    """

    frame: pl.DataFrame
    decimal_comma: bool


def read_table(path: Path, key: str, separator: str | None = None, verbatim: bool = False) -> TableFile:
    """Read a CSV or Parquet file; blank lines are no rows, and no character of the path is a pattern.

    Args:
        path: The file; Parquet is recognised by its first bytes.
        key: The argument that names the file, for messages.
        separator: Separator of the fields of a CSV file; None to infer it among , ; tab |.
        verbatim: Return the fields of a CSV file as unchanged text, for output; otherwise numbers and dates are parsed,
            and the strings in NULLS become null.

    Raises:
        ValueError: The file does not exist, or is not a table; the message says what is wrong and where.
    """
    _check_is_file(path, key)
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if start.startswith(b"PAR1") or path.suffix.lower() in (".parquet", ".pq"):
        try:
            table = TableFile(pl.read_parquet(path, glob=False), decimal_comma=False)
        except (PolarsError, OSError) as error:
            raise ValueError(
                f"{key} must be an intact Parquet file; {path} is damaged ({_first_line(error)})."
            ) from error
    else:
        table = _read_csv(path, key, start, separator, verbatim)
    if len(table.frame) == 0:
        raise ValueError(f"{key} must have rows; {path} has {table.frame.width} column names and nothing below them.")
    return table


def _read_csv(path: Path, key: str, start: bytes, separator: str | None, verbatim: bool) -> TableFile:
    lines = _first_lines(path, key, start)
    best = _infer_separator(lines)
    header = _split(lines, separator or best)[0]
    if separator is not None and len(header) == 1 and len(_split(lines, best)[0]) > 1:
        raise ValueError(
            f"data.separator must be the separator of the fields of {path}; by {_named(separator)} its first line "
            f"is one field, {lines[0][:60]!r}, by {_named(best)} it is {len(_split(lines, best)[0])}. "
            "Remove data.separator, or set it to the latter."
        )
    _check_names(path, key, [name.strip() for name in header])
    separator = separator or best
    decimal_comma = separator == ";" and any(
        re.fullmatch(r"\s*[+-]?\d+,\d+\s*", field) for row in _split(lines, ";")[1:] for field in row
    )
    content = without_blank_lines(path.read_bytes())
    try:
        if verbatim:
            frame = pl.read_csv(content, separator=separator, infer_schema=False)
        else:
            frame = _parse(content, separator, decimal_comma)
    except PolarsError as error:
        raise ValueError(_unreadable(path, key, separator, error)) from error
    # polars leaves the doubled quotes in quoted names. The header may be cut off after HEAD_BYTES.
    names = [
        name.replace('""', '"') if name.count('"') > field.count('"') else name
        for name, field in zip_longest(frame.columns, header[: frame.width], fillvalue="")
    ]
    # Names that are blank stay as they are: polars makes only empty ones unique.
    frame.columns = [name.strip() or name for name in names]
    return TableFile(frame, decimal_comma)


def _parse(content: bytes, separator: str, decimal_comma: bool) -> pl.DataFrame:
    def parse(inferred_rows: int | None, texts: Sequence[str] = ()) -> pl.DataFrame:
        return pl.read_csv(
            content,
            separator=separator,
            decimal_comma=decimal_comma,
            null_values=list(NULLS),
            try_parse_dates=True,
            infer_schema_length=inferred_rows,
            schema_overrides=dict.fromkeys(texts, pl.String),
        )

    try:
        return parse(INFERRED_ROWS)
    except PolarsError as error:
        if "could not parse" not in str(error):
            raise
    try:
        return parse(None)  # a later row does not fit the types of the first ones
    except PolarsError as error:
        if "could not parse" not in str(error):
            raise
        # Whole numbers that no integer type holds: their columns stay text, in which numbers are recognised later.
        text = pl.read_csv(content, separator=separator, infer_schema=False)
        return parse(None, [column.name for column in text if column.str.contains(HUGE).any()])


def _infer_separator(lines: list[str]) -> str:
    """The separator with which most lines have as many fields as the first; among equals, the one with most fields."""

    def score(separator: str) -> tuple[float, int]:
        counts = [len(row) for row in _split(lines, separator)]
        return (sum(count == counts[0] for count in counts) / len(counts), counts[0]) if counts[0] > 1 else (0.0, 0)

    return max(INFERRED_SEPARATORS, key=score)


def _split(lines: list[str], separator: str) -> list[list[str]]:
    # csv refuses a carriage return within a line, which polars reads as part of a field.
    return list(csv.reader((line.replace("\r", " ") for line in lines), delimiter=separator))


def _named(separator: str) -> str:
    return f"a {SEPARATORS[separator]}" if separator in SEPARATORS else repr(separator)


def _check_is_file(path: Path, key: str) -> None:
    if path.is_dir():
        tables = sorted(child.name for child in path.iterdir() if child.suffix.lower() in (".csv", ".parquet", ".tsv"))
        inside = f" It holds {', '.join(tables[:5])}." if tables else ""
        raise ValueError(f"{key} must be a CSV or Parquet file; {path} is a folder.{inside}")
    if not path.is_file():
        beside = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, beside) if beside else f" There is no folder {path.parent} either."
        raise ValueError(f"{key} must be a CSV or Parquet file; there is no {path}.{hint}")


def _first_lines(path: Path, key: str, start: bytes) -> list[str]:
    """The first lines that are not blank."""
    if path.suffix.lower() in OTHER_ENDINGS:
        raise ValueError(f"{key} must be a CSV or Parquet file; {path} is neither, by its ending {path.suffix}.")
    if not start.strip():
        raise ValueError(f"{key} must have a line of column names and rows; {path} is empty.")
    for signature, what in SIGNATURES.items():
        if start.startswith(signature):
            raise ValueError(f"{key} must be a CSV or Parquet file; {path} is {what}.")
    if b"\0" in start:
        raise ValueError(f"{key} must be a CSV or Parquet file; {path} is neither: it has NUL bytes.")
    if b"\n" not in start and b"\r" in start.rstrip(b"\r"):
        raise ValueError(
            f"{key} must end its lines with a line feed; {path} has carriage returns alone, as old Macintosh programs "
            f"wrote. Save it as CSV UTF-8, or tr '\\r' '\\n' < {path.name} > new.csv."
        )
    # The last line may be incomplete.
    complete = start if len(start) < HEAD_BYTES else start[: start.rfind(b"\n") + 1] or start
    try:
        text = complete.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(_wrong_encoding(path, key, complete, error)) from error
    # Lines as polars reads them: other characters that Python takes for the end of a line belong to a field.
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()][:HEAD_LINES]


def _check_names(path: Path, key: str, names: list[str]) -> None:
    repeated = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if sum(map(_is_number, names)) * 2 > len(names):
        raise ValueError(
            f"{key} must begin with a line of column names; the first line of {path} looks like a row: "
            f"{', '.join(names[:5])}. Add a line of names above it."
        )
    if repeated:
        raise ValueError(
            f"{key} must have unique column names; {path} has {', '.join(map(repr, repeated[:5]))} more than once."
        )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", text) is not None


def _unreadable(path: Path, key: str, separator: str, error: PolarsError) -> str:
    """Why polars cannot read a CSV file; only this function reads it line by line."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        return _wrong_encoding(path, key, content, wrong)
    rows = csv.reader(text.split("\n"), delimiter=separator)
    try:
        width = len(next(row for row in rows if row))
        for row in rows:
            if len(row) > width:
                return (
                    f"{key} must have as many fields in every line as there are column names, {width}; line "
                    f"{rows.line_num} of {path} has {len(row)}: {separator.join(row)[:80]!r}. A field that contains "
                    "the separator must be in double quotes."
                )
    except csv.Error as broken:
        return f"{key} must be a CSV file; line {rows.line_num} of {path} cannot be read ({broken})."
    if text.count('"') % 2:
        return f"{key} must close every double quote; {path} has {text.count(chr(34))} of them, an odd number."
    return f"{key} must be a CSV file; {path} cannot be read as one ({_first_line(error)})."


def _wrong_encoding(path: Path, key: str, content: bytes, error: UnicodeDecodeError) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    return (
        f"{key} must be text in UTF-8; line {line} of {path} has the byte 0x{content[error.start]:02x}, which is not "
        "UTF-8 (in Latin-1, the encoding of old Windows programs, it is "
        f"{content[error.start : error.start + 1].decode('latin-1')!r}). Save it as UTF-8: in a spreadsheet "
        f"'CSV UTF-8', or iconv -f latin1 -t utf8 {path.name} > new.csv."
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
