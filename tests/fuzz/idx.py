"""Archives and files in the format of MNIST, whose headers, counts and bytes lie."""

import gzip
from pathlib import Path
from random import Random

import numpy as np
from torchvision import datasets

from tests.data.tiny import Bytes, idx_bytes, mnist_arrays, write_archives
from tests.fuzz import binaries
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited

SIZES = (0, 1, 19, 20, 21, 59, 60, 61, 28, 255, 65_535, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


def use_tiny_archives(folder: Path) -> None:
    """Write tiny archives that this process's torchvision accepts as MNIST's."""
    datasets.MNIST.resources = write_archives(folder / "MNIST" / "raw")


def draw(random: Random, base: Path) -> Drawn:
    name = random.choice(("mnist", "mnist", "mnist", "emnist"))
    raw = Path("data", name.upper(), "raw")
    changes = []
    if random.random() < 0.7:
        use_tiny_archives(Path("data"))
    raw.mkdir(parents=True, exist_ok=True)
    if name == "mnist" and random.random() < 0.3:
        archive = raw / f"{random.choice(list(mnist_arrays()))}.gz"
        if archive.is_file():
            content, change = binaries.mutated(archive.read_bytes(), random)
            archive.write_bytes(content)
            changes.append(f"{archive}: {change}")
    if random.random() < 0.8:
        changes += _files(random, raw, name)
    if random.random() < 0.05:
        changes.append(_processed(random, raw.parent))
    data = [f"data={name}", "data_dir=data", "data.val_size=5", "data.batch_size=10"]
    if random.random() < 0.1:
        data.append(
            f"data.mirror={random.choice(('data', 'nowhere', 'http://127.0.0.1:9/', 'ftp://x', 'x://', '://'))}"
        )
    test = f"test={random.choice(('true', 'false'))}"
    return Drawn([[*data, test, *limited("model.hidden=[3]"), "hydra.run.dir=run"]], changes)


def _files(random: Random, raw: Path, name: str) -> list[str]:
    """The unpacked files, of which one or two lie."""
    changes = []
    arrays = mnist_arrays(random.choice((10, 2, 1, 11, 60)))
    lying = random.sample(list(arrays), random.choice((0, 1, 1, 1, 2)))
    for file, array in arrays.items():
        content = idx_bytes(array)
        if file in lying:
            content, change = _lie(random, content, array)
            changes.append(f"{file}: {change}")
        part, kind = file.replace("t10k", "test").split("-")[:2]
        path = raw / (file if name == "mnist" else f"emnist-balanced-{part}-{kind}-idx{array.ndim}-ubyte")
        if random.random() > 0.03:
            path.write_bytes(content)
    return changes


def _lie(random: Random, content: bytes, array: Bytes) -> tuple[bytes, str]:
    what = random.choice(("size", "sizes", "magic", "bytes", "gzip", "shape", "text"))
    axes = array.ndim
    if what == "size":
        axis, size = random.randrange(axes), random.choice(SIZES)
        place = 4 + 4 * axis
        return content[:place] + size.to_bytes(4, "big") + content[place + 4 :], f"axis {axis} is said to be {size}"
    if what == "sizes":  # headers whose product is right
        sizes = {3: random.choice(((60 * 28, 28, 1), (1, 60, 784), (60, 784, 1), (0, 0, 0))), 1: (len(array),)}[axes]
        return content[:4] + b"".join(size.to_bytes(4, "big") for size in sizes) + content[
            4 + 4 * axes :
        ], f"sizes {sizes}"
    if what == "magic":
        magic = bytes([0, 0, random.choice((8, 9, 0x0B, 0x0D, 0, 255)), random.choice((0, 1, 2, 3, 4, 255))])
        return magic + content[4:], f"magic number {magic.hex()}"
    if what == "gzip":
        return gzip.compress(content), "still compressed"
    if what == "shape":
        shape = random.choice(
            ((20, 28, 28), (60, 10, 10), (60, 28), (60, 28, 28, 1), (60, 0, 28), (0, 28, 28), (0,), (60,), (1,))
        )
        return idx_bytes(np.full(shape, random.choice((0, 9, 10, 255)), np.uint8)), f"another array, {shape}"
    if what == "text":
        return random.choice((b"<html>Not found</html>", b"version https://git-lfs", b"\0" * 4, b"")), "a text"
    return binaries.mutated(content, random)


def _processed(random: Random, folder: Path) -> str:
    """The files of torchvision's old versions, which the present one still prefers."""
    (folder / "processed").mkdir(exist_ok=True)
    for name in ("training.pt", "test.pt"):
        (folder / "processed" / name).write_bytes(random.randbytes(20))
    return "an old version's processed/"
