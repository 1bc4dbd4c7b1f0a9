"""Image files: finding them in a folder, and converting them to the shape of a data set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from gradexp.files import name_of
from gradexp.rules import did_you_mean

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
# Pillow goes by the content, whatever the suffix, and knows further formats with riskier decoders: for EPS it runs a
# program.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
# Names of the folders of the parts.
TRAIN, VAL, TEST = ("train", "training"), ("val", "valid", "validation"), ("test",)
SHOWN = 5  # names in a message

LabelledFile = tuple[Path, str]  # an image and its class


def image_paths(path: Path, key: str = "input") -> list[Path]:
    """`path` itself if it is a file, otherwise the images in the folder `path` and below, sorted by name.

    Raises:
        ValueError: There is no such file or folder, or no image in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"{key} must be an image file or a folder of them; there is no {path}.")
    paths = [image for image in _images(path, "**/*") if image.is_file()]
    if not paths:
        raise ValueError(f"{key} must be a folder with {', '.join(SUFFIXES)} files; {path} has none, also below it.")
    return paths


def classes_by_folder(paths: Sequence[Path], root: Path, classes: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """Of each image the class that a folder between `root` and it is named after, the outermost one; None without.

    Returns:
        The classes, and the folders in `root` with images of no class.
    """
    found: list[str | None] = []
    unknown: dict[str, None] = {}
    for path in paths:
        folders = [name_of(Path(part)) for part in path.relative_to(root).parts[:-1]]
        found.append(next((name for name in folders if name in classes), None))
        if folders and found[-1] is None:
            unknown[folders[0]] = None
    return found, list(unknown)


def find_images(root: Path) -> tuple[list[LabelledFile], list[LabelledFile] | None, list[str]]:
    """The training images, the images of a test folder if there is one, and notes.

    The class folders are either in `root`, or in its sub-folders train, test and val. Images in val are added to the
    training part.

    Raises:
        ValueError: The folder does not exist, or has another layout.
    """
    if root.is_file():
        raise ValueError(f"data.path must be a folder with one folder a class; {root} is a file.")
    if not root.is_dir():
        beside = [child.name for child in root.parent.iterdir()] if root.parent.is_dir() else []
        raise ValueError(
            f"data.path must be a folder with one folder a class; there is no {root}.{did_you_mean(root.name, beside)}"
        )
    parts = {folder.name.lower(): folder for folder in _folders(root)}
    train = next((parts[name] for name in TRAIN if name in parts and _folders(parts[name])), None)
    if train is None:
        return _labelled(root), None, _stray(root)
    notes = _stray(train)
    files = _labelled(train)
    for name in VAL:
        if name in parts:
            more = _labelled(parts[name])
            files += more
            notes.append(
                f"the {len(more):,} images in {parts[name].name}/ are added to the training part, from which the seed "
                "draws the validation images"
            )
    test = next((parts[name] for name in TEST if name in parts), None)
    return files, None if test is None else _labelled(test), notes


def _labelled(root: Path) -> list[LabelledFile]:
    folders = _folders(root)
    if not folders:
        images = len(_images(root, "*"))
        what = f"{images:,} images directly inside" if images else "no folder inside"
        raise ValueError(
            f"data.path must hold one folder a class, with the images of the class in it; {root} has {what}. "
            f"For example, make {root.name}/cat/ and {root.name}/dog/ and move the images there."
        )
    images_of = {name_of(Path(folder.name)): _images(folder, "**/*") for folder in folders}
    empty = [name for name, paths in images_of.items() if not paths]
    if empty:
        raise ValueError(
            f"data.path must have images ({', '.join(SUFFIXES)}) in every class folder; {root} has none in "
            f"{', '.join(empty[:SHOWN])}. Delete the folder, or put images there."
        )
    return [(path, name) for name, paths in images_of.items() for path in paths]


def _stray(root: Path) -> list[str]:
    stray = len(_images(root, "*"))
    return [f"left out, outside the class folders: {stray:,} of the images in {root.name}/"] if stray else []


def _folders(root: Path) -> list[Path]:
    return sorted(child for child in root.iterdir() if child.is_dir() and not _is_hidden(child.name))


def _is_hidden(folder: str) -> bool:
    return folder.startswith((".", "__"))


def _images(root: Path, pattern: str) -> list[Path]:
    """The images that match a pattern, sorted by name; hidden ones, and those in hidden folders, are left out."""
    return sorted(
        path
        for path in root.glob(pattern)
        if path.suffix.lower() in SUFFIXES
        and path.name[0] != "."
        and not any(map(_is_hidden, path.relative_to(root).parts[:-1]))
    )


def read_image(
    path: Path, shape: tuple[int, int, int], white: int = 255, invert_paper: bool = True, key: str = "input"
) -> Tensor:
    """Read an image as bytes [1, channels, height, width]; see `image_bytes`. `key` names the path in messages.

    Raises:
        ValueError: The file is not an image.
    """
    try:
        with Image.open(path, formats=FORMATS) as file:
            # Decodes a large JPEG at a half, a quarter or an eighth of its size, which is several times faster.
            file.draft(None, (4 * max(shape[1:]), 4 * max(shape[1:])))
            return image_bytes(file, shape, white, invert_paper)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{key} must be PNG or JPEG images; {path} cannot be read as one ({error}).") from error


def image_bytes(image: Image.Image, shape: tuple[int, int, int], white: int = 255, invert_paper: bool = True) -> Tensor:
    """An image as bytes [1, channels, height, width], scaled to fit into `shape` and padded with black.

    `white` is the byte value of full brightness. `invert_paper` inverts a grey image with a bright border (ink on
    paper), because data sets of drawn figures show bright figures on black.
    """
    channels, height, width = shape
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits per pixel, which Pillow's conversion would clip to 8 bits
        upright = Image.fromarray((np.asarray(upright) / 257).round().astype(np.uint8))
    if upright.mode not in ("L", "RGB"):
        # Transparent pixels become white.
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    pixels = transforms.pil_to_tensor(upright.convert("L" if channels == 1 else "RGB"))
    border = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], dim=1)
    if invert_paper and channels == 1 and border.float().median() > 127:
        pixels = 255 - pixels
    scale = min(height / pixels.shape[1], width / pixels.shape[2])
    size = [max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[2] * scale))]
    pixels = transforms.resize(pixels, size, antialias=True)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    pixels = transforms.pad(pixels, [left, top, width - size[1] - left, height - size[0] - top])
    image_bytes: Tensor = (pixels.float() * (white / 255)).round().to(torch.uint8).unsqueeze(0)
    return image_bytes
