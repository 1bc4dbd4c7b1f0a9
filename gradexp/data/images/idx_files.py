"""The header of IDX files, the format of MNIST."""

import math
from pathlib import Path

UNSIGNED_BYTES = 8  # the type of the elements in the header of an IDX file


def idx_shape(path: Path) -> tuple[int, ...]:
    """The shape in the header of an IDX file of unsigned bytes, checked against the file's length.

    The header is big-endian: two zero bytes, the type of the elements, the number of axes, then 4 bytes for each
    axis (LeCun, Cortes and Burges, "The MNIST database", file formats).

    Raises:
        ValueError: The file is not IDX, or is truncated.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTES or magic[3] not in (1, 3):
            raise ValueError(
                f"{path} must be an IDX file of unsigned bytes, magic number 00000801 or 00000803; "
                f"it begins with {magic.hex() or 'nothing'}. Delete it to have it downloaded again."
            )
        axes = magic[3]
        header = file.read(4 * axes)
    shape = tuple(int.from_bytes(header[4 * axis : 4 * axis + 4], "big") for axis in range(axes))
    expected, actual = 4 + 4 * axes + math.prod(shape), path.stat().st_size
    if actual != expected:
        raise ValueError(
            f"{path} must be {expected} bytes long, as its header of {' x '.join(map(str, shape))} says; "
            f"it has {actual}. Delete it to have it downloaded again."
        )
    return shape
