"""Folders of images as people have them: of every mode and format, truncated, huge, empty, nested, oddly named."""

import io
import struct
import zlib
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz import binaries
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited

MODES = (
    "RGB",
    "RGB",
    "RGB",
    "L",
    "L",
    "1",
    "P",
    "LA",
    "PA",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "I;16",
    "I;16B",
    "F",
)
FORMATS = (
    "PNG",
    "PNG",
    "JPEG",
    "JPEG",
    "BMP",
    "TIFF",
    "WEBP",
    "GIF",
    "ICO",
    "PPM",
    "TGA",
    "PCX",
    "JPEG2000",
    "PDF",
    "SGI",
)
SUFFIXES = (".png", ".png", ".jpg", ".jpeg", ".JPG", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".svg", ".txt", "")
NAMES = (
    "a",
    "b",
    "ä",
    "日",
    "a b",
    "[1]",
    "*",
    "x=1",
    "a,b",
    ".hidden",
    "-x",
    "${seed}",
    "__x",
    "con",
    "a\nb",
    "%s",
    "[red]",
    "\udcff",
    "train",
    "x" * 200,
)
CLASSES = (
    "cat",
    "dog",
    "train",
    "test",
    "val",
    "Train",
    "0",
    "1",
    "ä",
    "a b",
    "[red]x",
    ".git",
    "__MACOSX",
    "x=1",
    "\udcff",
    "a\nb",
    "x" * 100,
)
TEXTS = (
    b"", b"\0", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n",
    b"GIF89a", b"RIFF\0\0\0\0WEBP",
    b"BM" + b"\0" * 52, b"II*\0\xff\xff\xff\xff", b"MM\0*" + b"\xff" * 40, b"%PDF-1.4",
    b"P6 1000000 1000000 255\n", b"P5 1 1 70000\n\0\0",
    b"\0\0\1\0\1\0", b"PK\3\4", b"P1 3 3 0 1",
)  # fmt: skip


def draw(random: Random, base: Path) -> Drawn:
    changes = [*_folder(random, Path("in")), *(_folder(random, Path("new"), 4) if random.random() < 0.3 else [])]
    command = ["data=image_folder", "data.path=in"]
    for key, given in (
        ("image_size", ("[1,1]", "[2,9]", "[64,3]", "[1000,1000]", "[100000,100000]")),
        ("channels", ("1", "3")),
        ("test_size", ("0", "2", "0.9", "1000")),
        ("val_size", ("0", "1", "0.9", "100")),
        ("batch_size", ("1", "null", "1000")),
        ("memory_limit", ("0", "1e-6")),
    ):
        if random.random() < 0.06:
            command.append(f"data.{key}={random.choice(given)}")
    if random.random() < 0.1:
        command.append("augmentation=elastic")
    figures = "figures=true" if random.random() < 0.1 else "figures=false"
    command += limited(
        "hydra.run.dir=run", figures, "model.hidden=[3]", f"test={random.choice(('true', 'false'))}", "data_dir=cache"
    )
    files = [path for path in sorted(Path().rglob("*")) if path.is_file() and "\n" not in str(path)]
    read = str(random.choice(files)) if files and random.random() < 0.8 else random.choice(("new", "in", "nowhere"))
    escaped = read.replace("'", "\\'")
    predict = ["task=predict", "ckpt_path=run/checkpoints/best.ckpt", f"input='{escaped}'", "data_dir=cache"]
    return Drawn([command, predict], changes)


def _folder(random: Random, root: Path, most: int = 12) -> list[str]:
    """Write a folder of images; in words what is odd in it."""
    root.mkdir()
    classes = ["cat", "dog"] if random.random() < 0.6 else random.sample(CLASSES, random.choice((0, 1, 2, 3)))
    if random.random() < 0.2:
        classes = [
            f"{part}/{name}" for part in ("train", random.choice(("test", "val", "validation"))) for name in classes
        ]
    odd = random.choice((0, 0.1, 0.3, 0.3, 1))
    changes = []
    for name in classes:
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(random.choice((0, 1)) if random.random() < 0.1 else most):
            if random.random() < odd:
                changes.append(_odd(random, folder, number))
            else:
                _pixels(random, random.choice(("L", "RGB")), 12).save(folder / f"{number}.png")
    if random.random() < 0.2:
        changes.append(_odd(random, root, 0))
    return changes


def _pixels(random: Random, mode: str, most: int = 40) -> Image.Image:
    """An image of random pixels, of any mode."""
    height, width = (random.choice((1, 2, random.randint(1, most))) for _ in range(2))
    pixels = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if mode in ("I;16", "I;16B"):
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.frombytes("LAB", (width, height), pixels.tobytes())
    image = Image.fromarray(pixels)
    return image.convert("LA").convert("PA") if mode == "PA" else image.convert(mode)


def _odd(random: Random, folder: Path, number: int) -> str:
    """Write a file that is not a plain image, or not only that."""
    name = random.choice(NAMES) if random.random() < 0.3 else str(number)
    path = folder / f"{name}{random.choice(SUFFIXES)}"
    if path.exists():
        return f"{path}: there already"
    what = random.choice((_encoded, _encoded, _mutated, _text, _bomb, _animated, _exif, _tall, _special))
    return f"{str(path)!a}: {what(random, path)}"


def _encoded(random: Random, path: Path) -> str:
    mode, form = random.choice(MODES), random.choice(FORMATS)
    buffer = io.BytesIO()
    try:
        _pixels(random, mode).save(buffer, form)
    except (OSError, ValueError, KeyError, SystemError):  # the format does not have the mode
        form = "TIFF"
        _pixels(random, "F").save(buffer, form)
    path.write_bytes(buffer.getvalue())
    return f"{form} of mode {mode}"


def _mutated(random: Random, path: Path) -> str:
    said = _encoded(random, path)
    content, change = binaries.mutated(path.read_bytes(), random)
    path.write_bytes(content)
    return f"{said}, {change}"


def _text(random: Random, path: Path) -> str:
    content = random.choice(TEXTS)
    path.write_bytes(content)
    return f"the bytes {content!r}"


def _bomb(random: Random, path: Path) -> str:
    """A PNG whose header says more pixels than its data, or than memory."""
    side = random.choice((0, 1, 2_000, 8_000, 20_000, 100_000, 2**31 - 1))
    depth, colour = random.choice(((8, 2), (16, 2), (1, 0), (8, 3), (3, 7)))

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, random.choice((0, 1, 7)))
    data = zlib.compress(bytes(random.choice((1, 1_000, 100_000))))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return f"a PNG that claims {side} x {side} pixels"


def _animated(random: Random, path: Path) -> str:
    frames = [_pixels(random, "RGB").resize((8, 8)) for _ in range(3)]
    form = random.choice(("GIF", "PNG", "WEBP", "TIFF"))
    frames[0].save(path, form, save_all=True, append_images=frames[1:])
    return f"an animated {form}"


def _exif(random: Random, path: Path) -> str:
    exif = Image.Exif()
    orientation = random.choice((1, 3, 6, 8, 0, 9, 300))
    exif[0x0112] = orientation
    content = exif.tobytes() if random.random() < 0.5 else random.randbytes(50)
    _pixels(random, "RGB").save(path, random.choice(("JPEG", "PNG", "WEBP")), exif=content)
    return f"EXIF with orientation {orientation}"


def _tall(random: Random, path: Path) -> str:
    width = random.choice((1, 2))
    Image.new("L", (width, 3_000), 255).save(path, "PNG")
    return f"{width} x 3000 pixels"


def _special(random: Random, path: Path) -> str:
    what = random.choice(("folder", "link to nothing", "link to itself", "link to its folder", "no permission"))
    if what == "folder":
        path.mkdir()
    elif what == "no permission":
        path.write_bytes(b"x")
        path.chmod(0)
    else:
        path.symlink_to({"link to nothing": "nowhere", "link to itself": path.name, "link to its folder": "."}[what])
    return what
