"""Blank lines are no rows."""

from pathlib import Path

import pytest

from gradexp.data.tables.blank_lines import without_blank_lines
from gradexp.data.tables.table_file import read_table

PLAIN = b"a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"a,b\n1,2\n\n3,4\n",
        b"a,b\n\n \n1,2\n\t\n \t \n3,4\n",
        b"a,b\n1,2\n3,4\n\n\n",
        b"a,b\n1,2\n3,4\n  \n ",
        b"\n  \na,b\n1,2\n3,4\n",
        b"\xef\xbb\xbf\n \na,b\n1,2\n3,4\n",
    ],
)
@pytest.mark.parametrize("verbatim", [False, True])
def test_blank_lines_are_left_out(content: bytes, verbatim: bool) -> None:
    Path("t.csv").write_bytes(content.replace(b"\n", b"\r\n"))
    Path("u.csv").write_bytes(content)
    for name in ("t.csv", "u.csv"):
        frame = read_table(Path(name), "data.path", verbatim=verbatim).frame
        assert frame.rows() == ([("1", "2"), ("3", "4")] if verbatim else [(1, 2), (3, 4)])
    assert without_blank_lines(content) == PLAIN


def test_blank_lines_inside_quoted_fields_stay() -> None:
    Path("t.csv").write_text('a,b\n\n1,"x\n\ny ""z""\n\n"\n\n2,""\n')
    assert read_table(Path("t.csv"), "data.path", verbatim=True).frame.rows() == [("1", 'x\n\ny "z"\n\n'), ("2", "")]


def test_a_row_of_separators_is_a_row() -> None:
    Path("t.csv").write_bytes(b"a,b\n1,2\n,\n\n3,4\n")
    assert read_table(Path("t.csv"), "data.path").frame.rows() == [(1, 2), (None, None), (3, 4)]


def test_a_file_of_blank_lines_has_no_rows() -> None:
    Path("t.csv").write_bytes(b"a,b\n\n \n")
    with pytest.raises(ValueError, match=r"must have rows; t\.csv has 2 column names and nothing below"):
        read_table(Path("t.csv"), "data.path")
