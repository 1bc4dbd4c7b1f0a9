"""Decoding image files once, and caching the result as one file for the next run."""

import hashlib
import io
import logging
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from filelock import FileLock
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor

from gradexp.data.images.image_files import FORMATS, read_image
from gradexp.data.run_samples import Hashes
from gradexp.files import remove_temporary_files, write_atomically

GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "F")
PROGRESS_DELAY = 2.0  # seconds until a progress bar appears

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecodedFiles:
    """The images in a list of files.

    Attributes:
        shape: Channels, height and width.
        readable: Indices of the files that can be read.
        hashes: A hash of the bytes of each of these files [readable].
        images: These as bytes [readable, channels, height, width]; None if they do not fit in memory.
    """

    shape: tuple[int, int, int]
    readable: list[int]
    hashes: Hashes
    images: Tensor | None


def decode_files(
    paths: list[Path], image_size: tuple[int, int], channels: int | None, memory_limit: float, folder: Path
) -> DecodedFiles:
    """Read images and scale them, or take them from the cache in `folder` if the same files have been read before.

    `image_size` is height and width. `channels` is 1 or 3; None for 1 if all files are grey, otherwise 3.
    `memory_limit` is the largest total size that is held in memory, in bytes.
    """
    cache = folder / "image_folder" / f"{_key(paths, image_size, channels)}.pt"
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        # The processes of a run and the jobs of a sweep start at the same time.
        with FileLock(cache.with_suffix(".lock")):
            remove_temporary_files(cache.parent)
            decoded = _load(cache, memory_limit)
            if decoded is None:
                decoded = _decode(paths, image_size, channels, memory_limit)
                _save(cache, decoded)
            return decoded
    except OSError as error:
        log.warning("images are decoded without a cache: %s cannot be written (%s)", cache, error)
        return _decode(paths, image_size, channels, memory_limit)


def parallel_images(paths: Iterable[Path], shape: tuple[int, int, int]) -> Iterator[Tensor | None]:
    """Each image as bytes [1, channels, height, width], decoded on all cores; None for a file that is not an image."""

    def read(path: Path) -> Tensor | None:
        try:
            return read_image(path, shape, invert_paper=False)
        except ValueError:
            return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(read, paths)


def _decode(paths: list[Path], image_size: tuple[int, int], channels: int | None, memory_limit: float) -> DecodedFiles:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scanned = list(_with_progress(pool.map(_scan, paths), len(paths), "scanning images"))
    found = {number: file for number, file in enumerate(scanned) if file is not None}
    if channels is None:
        channels = 1 if all(mode in GREY_MODES for mode, _ in found.values()) else 3
    shape, readable, images = (channels, *image_size), list(found), None
    if len(found) * torch.Size(shape).numel() <= memory_limit:
        images = torch.empty(len(found), *shape, dtype=torch.uint8)
        decoded = parallel_images([paths[number] for number in found], shape)
        readable = []
        for number, image in zip(found, _with_progress(decoded, len(found), "decoding images"), strict=True):
            if image is not None:
                images[len(readable)] = image[0]
                readable.append(number)
        images = images[: len(readable)]
    hashes = np.array([found[number][1] for number in readable], dtype=np.uint64)
    return DecodedFiles(shape, readable, hashes, images)


def _scan(path: Path) -> tuple[str, int] | None:
    """The mode of an image and a hash of the file; None if it is no image."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.mode, int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _with_progress(items: Iterator[T], total: int, what: str) -> Iterator[T]:
    """`items`, with a progress bar on a terminal if they take longer than PROGRESS_DELAY."""
    console = Console(stderr=True)
    started = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if console.is_terminal and time.monotonic() - started > PROGRESS_DELAY:
            yield from track(items, what, total, completed=done, console=console, transient=True)


def _key(paths: list[Path], image_size: tuple[int, int], channels: int | None) -> str:
    files = [(str(path.absolute()), *_stamp(path)) for path in paths]
    return hashlib.sha256(repr((files, image_size, channels)).encode()).hexdigest()[:16]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # a link to nothing, which counts as unreadable
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _save(cache: Path, decoded: DecodedFiles) -> None:
    content = io.BytesIO()
    hashes = torch.from_numpy(decoded.hashes.view(np.int64))
    state = {"shape": list(decoded.shape), "readable": decoded.readable, "hashes": hashes, "images": decoded.images}
    torch.save(state, content)
    write_atomically(cache, content.getvalue())


def _load(cache: Path, memory_limit: float) -> DecodedFiles | None:
    """The cached images; None if there are none, the file is damaged, or the memory limit has changed."""
    if not cache.is_file():
        return None
    try:
        state = torch.load(cache, weights_only=True)
        hashes = state["hashes"].numpy().view(np.uint64)
        decoded = DecodedFiles(tuple(state["shape"]), state["readable"], hashes, state["images"])
        size = len(decoded.readable) * torch.Size(decoded.shape).numel()
        is_valid = (size > memory_limit) if decoded.images is None else (decoded.images.numel() == size <= memory_limit)
    except Exception:  # a damaged file can raise any error
        return None
    return decoded if is_valid else None
