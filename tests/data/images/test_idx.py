"""The header of IDX files."""

from pathlib import Path

import numpy as np
import pytest

from gradexp.data.images.idx_files import idx_shape
from tests.data.tiny import write_idx


def test_shapes_of_images_and_labels_are_read(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "images", np.zeros((300, 28, 20), np.uint8))
    labels = write_idx(tmp_path / "labels", np.zeros(70_000, np.uint8))
    assert idx_shape(images) == (300, 28, 20)
    assert idx_shape(labels) == (70_000,)


@pytest.mark.parametrize(
    ("content", "begins_with"),
    [
        (b"", "nothing"),
        (b"\0\0\x08", "000008"),
        (b"\x1f\x8b\x08\x08 a gzip archive", "1f8b0808"),
        (b"<html>Not found</html>", "3c68746d"),
        (bytes.fromhex("00000d01 00000001 00000000"), "00000d01"),  # floats
        (bytes.fromhex("00000802 00000001 00000001 00"), "00000802"),  # two axes
    ],
)
def test_wrong_magic_number_raises(tmp_path: Path, content: bytes, begins_with: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"begins with {begins_with}\. Delete it") as error:
        idx_shape(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("length", [4, 6, 15, 16, 17, 4 + 12 + 5 * 4 * 3 - 1, 4 + 12 + 5 * 4 * 3 + 1, 500])
def test_file_length_that_contradicts_the_header_raises(tmp_path: Path, length: int) -> None:
    path = write_idx(tmp_path / "images", np.ones((5, 4, 3), np.uint8))
    path.write_bytes(path.read_bytes().ljust(length, b"\1")[:length])
    with pytest.raises(ValueError, match=f"it has {length}") as error:
        idx_shape(path)
    assert str(path) in str(error.value)
