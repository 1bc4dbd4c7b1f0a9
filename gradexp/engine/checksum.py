"""A checksum at the end of a checkpoint: a flipped bit anywhere in the file is noticed.

A checkpoint is a zip archive, whose entries have checksums that torch.load does not look at, and whose headers have
none. The checksum of the whole file is the archive's comment, which other programs ignore.
"""

import io
import zipfile
import zlib
from pathlib import Path

MARK = b"crc32 of all before: "
DIGITS = 8
COMMENT = len(MARK) + DIGITS
LENGTH_BYTES = 2  # of the comment, the last field of an archive that has none
CHUNK = 2**20


def seal(archive: io.BytesIO) -> None:
    """Append the checksum to a zip archive without a comment."""
    archive.seek(-LENGTH_BYTES, io.SEEK_END)
    archive.write(COMMENT.to_bytes(LENGTH_BYTES, "little") + MARK)
    with archive.getbuffer() as content:
        digits = _digits(zlib.crc32(content))
    archive.write(digits)


def damage(path: Path) -> str:
    """What is wrong with the bytes of a checkpoint; "" if nothing is.

    Files of earlier versions have no checksum of their own: of these, the archive's entries are checked.

    Raises:
        zipfile.BadZipFile: The archive is broken.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - COMMENT))
        comment = file.read()
        if comment.startswith(MARK):
            file.seek(0)
            crc, left = 0, size - DIGITS
            while left:
                chunk = file.read(min(CHUNK, left))
                crc, left = zlib.crc32(chunk, crc), left - len(chunk)
            if comment != MARK + _digits(crc):
                return "its checksum is not that of its content"
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        is_stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not is_stored or sum(entry.file_size for entry in entries) > size:
            return "it unpacks to more than its size, as no checkpoint does"
        if not comment.startswith(MARK):
            broken = archive.testzip()
            if archive.comment or broken is not None:
                return f"the checksum of {broken or 'its end'} is not that of its content"
    return ""


def _digits(crc: int) -> bytes:
    return f"{crc:0{DIGITS}x}".encode()
