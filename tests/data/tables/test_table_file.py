"""CSV and Parquet files: reading them, and messages on unreadable ones."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gradexp.data.tables.table_columns import to_numbers
from gradexp.data.tables.table_file import read_table
from tests.data.tables.files import houses, write, write_text


def read(name: str, separator: str | None = None) -> pl.DataFrame:
    return read_table(Path(name), "data.path", separator).frame


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_inferred(separator: str) -> None:
    assert_frame_equal(read(str(write(houses(), separator=separator))), houses())


def test_parquet_is_recognised_by_its_first_bytes() -> None:
    Path("houses.data").write_bytes(write(houses(), "houses.parquet").read_bytes())
    assert_frame_equal(read("houses.data"), houses())


def test_separator_can_be_set() -> None:
    assert read(write_text("a b\n1 2\n3 4\n"), " ").rows() == [(1, 2), (3, 4)]


def test_spaces_around_column_names_are_removed() -> None:
    assert read(write_text(" a, b c \n1,2\n")).columns == ["a", "b c"]


@pytest.mark.parametrize("verbatim", [False, True])
def test_doubled_quotes_in_quoted_column_names_are_one(verbatim: bool) -> None:
    names = ["id", "x, first", 'col "q"', 'a\n"b"', '"', "größe"]
    text = pl.DataFrame({name: [1] for name in names}).write_csv().replace("größe", 'größe,c""d')
    frame = read_table(Path(write_text(text.replace("1\n", "1,1\n"))), "data.path", verbatim=verbatim).frame
    assert frame.columns == [*names, 'c""d'], "where a name is not quoted, two quotes are two"
    assert frame.write_csv().partition("\n1,")[0] == text.partition("\n1,")[0].replace('c""d', '"c""""d"')


def test_blank_column_names_stay_apart() -> None:
    assert len(set(read(write_text(" ,,\t,x\n1,2,3,4\n")).columns)) == 4


def test_a_header_is_split_into_lines_as_its_rows_are() -> None:
    # Python takes a vertical tab and U+2028 for the end of a line, polars does not.
    assert read(write_text("a\x0bb,c\u2028d,e\n1,2,3\n")).columns == ["a\x0bb", "c\u2028d", "e"]
    assert read(write_text("a\rb,c\n1,2\n")).columns == ["a\rb", "c"]
    with pytest.raises(
        ValueError, match=r"data\.path must end its lines with a line feed; table\.csv has carriage returns"
    ):
        read(write_text("a,b\r1,2\r3,4\r"))


def test_whole_numbers_beyond_128_bits_are_numbers() -> None:
    digits = "7" * 45
    frame = read(write_text("a,b,day\n" + "".join(f"{n},{n}{digits},2020-01-0{n}\n" for n in range(1, 9))))
    assert frame.schema == {"a": pl.Int64, "b": pl.String, "day": pl.Date}
    assert to_numbers(frame["b"]).to_list() == [float(f"{n}{digits}") for n in range(1, 9)]


def test_commas_inside_quotes_do_not_separate() -> None:
    text = "name;size\n" + '"Ems, Bad";1\n' * 20
    assert read(write_text(text)).rows()[0] == ("Ems, Bad", 1)


def test_numbers_with_a_decimal_comma_are_read() -> None:
    table = read_table(Path(write_text("a;b\n1,5;2\n-2,25;3\n")), "data.path")
    assert table.decimal_comma
    assert table.frame.rows() == [(1.5, 2), (-2.25, 3)]


def test_strings_for_missing_values_become_null() -> None:
    nulls = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "#N/A", "<NA>"]
    frame = read(write_text("a,b\n1.5,0\n" + "".join(f"{null},1\n" for null in nulls)))
    assert frame["a"].to_list() == [1.5, *[None] * len(nulls)]


def test_column_whose_type_changes_in_a_late_row_is_read() -> None:
    frame = read(write_text("a,b\n" + "1,1\n" * 2000 + "2.5,x\n"))
    assert frame.row(-1) == (2.5, "x")


def test_verbatim_fields_are_unchanged_text() -> None:
    frame = read_table(Path(write_text("a,b\n007,NA\n 1.50,true\n")), "input", verbatim=True).frame
    assert frame.rows() == [("007", "NA"), (" 1.50", "true")]


def test_byte_order_mark_and_blank_first_lines_are_skipped() -> None:
    assert read(write_text("\ufeff\n\na,b\n1,2\n")).columns == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\n \n", ["is empty"]),
        (b"a,b\n", ["must have rows", "2 column names and nothing below"]),
        (b"a,b\n1,2\n1,2,3\n", ["as many fields in every line", "names, 2; line 3", "has 3: '1,2,3'"]),
        (b"a,b,a\n1,2,3\n", ["unique column names", "'a' more than once"]),
        (b"1.5,2,x\n2.5,3,y\n", ["a line of column names", "looks like a row: 1.5, 2, x"]),
        ("a,b\n1,ö\n".encode("latin-1"), ["UTF-8; line 2", "byte 0xf6", "'ö'", "iconv -f latin1 -t utf8"]),
        (b"a,b\n" + b"1,2\n" * 30_000 + b"1,\xf6\n", ["UTF-8; line 30002"]),
        ("a,b\n1,2\n".encode("utf-16"), ["is in UTF-16"]),
        (b"PK\x03\x04 and so on", ["an Excel workbook or a zip archive"]),
        (b"\x1f\x8b and so on", ["compressed by gzip"]),
        (b"a,b\n\x00\x01,2\n", ["has NUL bytes"]),
        (b'a,b\n"x,1\ny,2\n', ["close every double quote", "1 of them"]),
        (b"PAR1 but no more", ["intact Parquet file", "damaged"]),
    ],
)
def test_file_that_is_not_a_table_raises(content: bytes, words: list[str]) -> None:
    Path("t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"^data\.path must") as error:
        read("t.csv")
    for word in ["t.csv", *words]:
        assert word in str(error.value)


def test_wrong_separator_raises_with_the_inferred_one() -> None:
    write(houses(), separator=";")
    with pytest.raises(
        ValueError, match=r"^data\.separator must be .* by a comma .* one field.* by a semicolon it is 9"
    ):
        read("houses.csv", ",")


@pytest.mark.parametrize("name", ["run[1]", "[a-z]", "*", "a*", "?", "{a,b}", "100%", "~x", "old[2]/data", "*/data"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_no_character_of_a_path_is_a_pattern(name: str, suffix: str) -> None:
    other = pl.DataFrame({"a": [0, 0]})
    for decoy in ("run1", "b", "a1", "old2/data"):
        Path(decoy).parent.mkdir(exist_ok=True)
        write(other, f"{decoy}.{suffix}")
    path = Path(f"{name}.{suffix}")
    path.parent.mkdir(exist_ok=True)
    Path("written").write_bytes(write(pl.DataFrame({"a": [1, 2, 3]}), f"written.{suffix}").read_bytes())
    Path("written").rename(path)
    for verbatim in (False, True):
        assert len(read_table(path, "data.path", verbatim=verbatim).frame) == 3


def test_path_that_is_not_a_file_raises() -> None:
    write(houses())
    with pytest.raises(ValueError, match=r"there is no house\.csv\. Did you mean houses\.csv\?"):
        read("house.csv")
    with pytest.raises(ValueError, match=r"\. is a folder\. It holds houses\.csv"):
        read(".")
    with pytest.raises(ValueError, match=r"There is no folder elsewhere either"):
        read("elsewhere/houses.csv")


@pytest.mark.parametrize(
    ("start", "words"), [("28b52ffd", "Zstandard"), ("789c", "zlib"), ("7801", "zlib"), ("78da", "zlib")]
)
def test_a_packed_file_is_refused_before_it_is_unpacked(start: str, words: str, tmp_path: Path) -> None:
    """polars would unpack it, to whatever size."""
    path = tmp_path / "table.csv"
    path.write_bytes(bytes.fromhex(start) + b"a,b\n1,2\n")
    with pytest.raises(ValueError, match=rf"table\.csv is compressed by {words}; unpack it"):
        read_table(path, "data.path")


@pytest.mark.parametrize("name", ["pic.png", "PIC.JPG", "metrics.json", "last.ckpt"])
def test_text_in_a_file_that_is_no_table_by_its_ending_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"must be a CSV or Parquet file; {name} is neither, by its ending \."):
        read(write_text("a text\n", name))


def test_the_content_of_a_parquet_file_goes_before_its_ending() -> None:
    write(houses(5), "houses.parquet").rename("houses.png")
    assert len(read("houses.png")) == 5
