"""Blank lines of a CSV file, which polars reads as rows without values."""

import re

LEADING = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*\n)+")  # after a byte order mark
BLANK = re.compile(rb"\n[ \t\r]*(?=\n)")  # with the line feed before it


def without_blank_lines(content: bytes) -> bytes:
    """The content without lines that are empty or have only spaces and tabs; those inside quoted fields stay."""
    leading = LEADING.match(content)
    stripped = content.rstrip(b" \t\r")
    content = content[leading.end() if leading else 0 : len(stripped) if stripped.endswith(b"\n") else None]
    kept, end, quotes = bytearray(), 0, 0
    for blank in BLANK.finditer(content):
        lines = content[end : blank.start()]
        kept += lines
        quotes += lines.count(b'"')
        if quotes % 2:  # a quoted field is open
            kept += blank[0]
        end = blank.end()
    return bytes(kept + content[end:]) if end else content
