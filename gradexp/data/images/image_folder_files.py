"""Finding the images in a folder that has one sub-folder per class."""

from pathlib import Path

from gradexp.data.images.image_files import SUFFIXES
from gradexp.rules import did_you_mean

TRAIN, TEST = ("train", "training"), ("test",)
VAL = ("val", "valid", "validation")
SHOWN = 5

LabelledFile = tuple[Path, str]  # an image and its class


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
    images_of = {folder.name: _images(folder, "**/*") for folder in folders}
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
    return sorted(child for child in root.iterdir() if child.is_dir() and not child.name.startswith((".", "__")))


def _images(root: Path, pattern: str) -> list[Path]:
    return sorted(path for path in root.glob(pattern) if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
