"""Warnings of libraries that a user cannot act on are not shown; here each warning that is shown is an error."""

import io
import warnings
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from gradexp.app.quiet import quiet_libraries
from gradexp.data.images.image_files import read_image


def damaged_tiff() -> bytes:
    """An image whose first three tags claim more values than the file has bytes."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 7).save(buffer, "TIFF")
    content = bytearray(buffer.getvalue())
    first = int.from_bytes(content[4:8], "little") + 2
    for tag in range(3):
        content[first + 12 * tag + 4 : first + 12 * tag + 8] = (2**24).to_bytes(4, "little")
    return bytes(content)


def test_damaged_images_and_scripts_without_glyphs_do_not_warn() -> None:
    Path("x.tiff").write_bytes(damaged_tiff())
    figure = Figure()
    figure.suptitle("日本")
    for is_quiet in (False, True):
        with warnings.catch_warnings():
            if is_quiet:
                quiet_libraries()
                with pytest.raises(ValueError, match=r"x\.tiff cannot be read"):
                    read_image(Path("x.tiff"), (1, 8, 8))
                figure.savefig("x.png")
                continue
            with pytest.raises(UserWarning, match="Tag data larger"):
                read_image(Path("x.tiff"), (1, 8, 8))
            with pytest.raises(UserWarning, match="Glyph"):
                figure.savefig("x.png")
