"""The base of the data sets in the format of MNIST, which torchvision reads and downloads."""

import gzip
import math
import shutil
import socket
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, Unpack

from filelock import FileLock
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5

from gradexp.data.images.idx_files import idx_shape
from gradexp.data.images.image_datamodule import ImageDataModule, ImageSource, data_folder
from gradexp.data.options import ImageOptions
from gradexp.data.sources import GIB
from gradexp.files import REMEDIES, remove_temporary_files, user_path, write_atomically
from gradexp.rules import BatchSize, SampleNumber

DOWNLOAD_TIMEOUT = 30  # seconds without a response from a host
LOCK = ".lock"  # a file beside the archives
CHUNK = 2**20  # bytes that are unpacked at once
DEFAULT_LIMIT = 2.0  # GiB that archives may unpack to if data.memory_limit is 0, which streams all that is in memory


class TorchvisionDataModule(ImageDataModule):
    """A data set of 28 x 28 grey images in the format of MNIST.

    It uses the archives in ``<data_dir>/<name of the data set>/raw/``, downloads missing ones and checks their MD5.

    Args:
        data_dir: Folder of the archives; None for GRADEXP_DATA_DIR, or else the user's cache.
        mirror: URL or folder with the archives, which is tried before torchvision's mirrors.
        augmentation: Arguments of RandomGeometry; None for no augmentation.
        batch_size, val_size, eval_batch_size, seed, num_workers: See AbstractDataModule.
        memory_limit: See AbstractDataModule; archives that unpack to more are refused (to more than 2 GiB if it is 0).
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
        folds, fold, split_seed: See AbstractDataModule.
    """

    image_shape = (1, 28, 28)
    dataset_class: ClassVar[type[datasets.MNIST]]

    def __init__(
        self,
        data_dir: str | None = None,
        mirror: str | None = None,
        batch_size: BatchSize = 200,
        val_size: SampleNumber = 5000,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(batch_size, val_size, **options)
        self.data_dir = data_folder(data_dir)
        self.mirror = _url_or_folder(mirror) if mirror else None

    @property
    def classes(self) -> list[str]:
        # torchvision names MNIST's classes "0 - zero" and so on.
        return [name.split(" - ")[0] for name in self.dataset_class.classes]

    def prepare_data(self) -> None:
        """Download and unpack missing files; Lightning calls this in one process per machine.

        Raises:
            ValueError: The data cannot be downloaded, or an archive is damaged.
        """
        left = self._raw_folder / "gzip"  # by way of which torchvision unpacks gzip.zip; a killed run leaves it
        is_left = left.is_dir() and (self._raw_folder / "gzip.zip").is_file()
        if all(path.is_file() for path in self._raw_files) and not self._restorable() and not is_left:
            return
        made = [folder for folder in (self._raw_folder, *self._raw_folder.parents) if not folder.exists()]
        try:
            self._raw_folder.mkdir(parents=True, exist_ok=True)
            # The jobs of a sweep start at the same time and share one cache.
            with FileLock(self._raw_folder / LOCK), _network_timeout(DOWNLOAD_TIMEOUT):
                remove_temporary_files(self._raw_folder)
                if is_left:
                    shutil.rmtree(left, ignore_errors=True)
                self._copy_from_mirror()
                self._check_archives()
                for path in self._restorable():
                    path.unlink()  # torchvision unpacks it again
                self._download()
        except (RuntimeError, OSError) as error:
            _remove_if_empty(made)
            if isinstance(error, OSError) and error.errno in REMEDIES:  # torchvision unpacks without naming its file
                error.filename = error.filename or str(self._raw_folder)
                raise
            raise ValueError(self._unavailable(error)) from error

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        self._check_size(sum(path.stat().st_size for path in self._raw_files))
        for images, labels in zip(self._raw_files[::2], self._raw_files[1::2], strict=True):
            image_axes, label_axes = idx_shape(images), idx_shape(labels)
            if image_axes[1:] != self.image_shape[1:] or len(label_axes) != 1 or image_axes[0] != label_axes[0]:
                raise ValueError(
                    f"{images} must hold n images [n, {self.image_shape[1]}, {self.image_shape[2]}], and {labels} n "
                    f"labels [n]; their shapes are {list(image_axes)} and {list(label_axes)}. "
                    "Delete both to have them downloaded again."
                )
        images, labels = self._raw_files[:2] if part == "train" else self._raw_files[2:]
        pixels, targets = datasets.mnist.read_image_file(images), datasets.mnist.read_label_file(labels)
        wrong = targets[(targets < self._labels.start) | (targets >= self._labels.stop)]
        if len(wrong):
            raise ValueError(
                f"{labels} must hold labels from {self._labels.start} to {self._labels.stop - 1}; "
                f"it has {wrong[0].item()}. Delete it to have it downloaded again."
            )
        return ImageSource(pixels.unsqueeze(1), targets.long() - self._labels.start)

    @property
    def _labels(self) -> range:
        """The labels that the files have."""
        return range(len(self.classes))

    @property
    def _raw_folder(self) -> Path:
        return self.data_dir / self.dataset_class.__name__ / "raw"

    @property
    def _raw_files(self) -> list[Path]:
        """Images and labels of the training part, then of the test part."""
        return [self._raw_folder / archive.removesuffix(".gz") for archive, _ in self.dataset_class.resources]

    def _archives(self) -> list[tuple[Path, str]]:
        """Each archive with its MD5."""
        return [(self._raw_folder / archive, md5) for archive, md5 in self.dataset_class.resources]

    def _restorable(self) -> list[Path]:
        """Damaged files with an intact archive: unpacking was interrupted."""
        damaged = [path for path in self._raw_files if path.is_file() and not _is_intact(path)]
        return [
            path
            for path in damaged
            for archive, md5 in self._archives()
            if archive.stem in (path.name, "gzip") and archive.is_file() and calculate_md5(archive) == md5
        ]

    def _check_archives(self) -> None:
        """Check that the archives do not unpack to more than memory_limit; only so much is unpacked for it."""
        size, names = 0, [path.name for path in self._raw_files]
        for archive, md5 in self._archives():
            if archive.is_file() and calculate_md5(archive) == md5:
                for content in contents(archive, names):
                    while chunk := content.read(CHUNK):
                        size += len(chunk)
                        self._check_size(size)

    def _check_size(self, size: int) -> None:
        """Check the bytes of the unpacked archives, which are read whole, also if what is made of them is streamed."""
        limit = (self.memory_limit or DEFAULT_LIMIT) * GIB
        if size > limit:
            raise ValueError(
                f"data.memory_limit must be at least {math.ceil(100 * size / GIB) / 100:g} (GiB) for "
                f"{self.dataset_class.__name__}, whose archives in {self._raw_folder} unpack to that or more; got "
                f"{self.memory_limit:g}."
            )

    def _copy_from_mirror(self) -> None:
        """Copy missing archives from a mirror that is a folder; damaged ones are skipped."""
        if isinstance(self.mirror, Path):
            for archive, md5 in self._archives():
                original = self.mirror / archive.name
                if not archive.is_file() and original.is_file() and calculate_md5(original) == md5:
                    write_atomically(archive, original.read_bytes())

    def _download(self) -> None:
        """Let torchvision download and unpack missing files, from the mirror first."""
        mirrors = [*([self.mirror] if isinstance(self.mirror, str) else []), *self.dataset_class.mirrors]
        self._downloader(mirrors=mirrors)(str(self.data_dir), download=True)

    def _downloader(self, **attributes: Any) -> type[datasets.MNIST]:
        """The class of torchvision with other attributes; it downloads and unpacks, but reads nothing: `load` does."""
        # The sub-class keeps the name, from which torchvision derives the folder.
        unread = {"_check_legacy_exist": lambda dataset: False, "_load_data": lambda dataset: (None, None)}
        return type(self.dataset_class.__name__, (self.dataset_class,), unread | attributes)

    def _unavailable(self, error: Exception) -> str:
        damaged = [
            f"{archive} has MD5 {calculate_md5(archive)}, must be {md5}. "
            for archive, md5 in self._archives()
            if archive.is_file() and calculate_md5(archive) != md5
        ]
        names = ", ".join(archive.name for archive, _ in self._archives())
        return (
            f"{self.dataset_class.__name__} is not in {self._raw_folder} and could not be downloaded. "
            f"{''.join(damaged)}{' '.join(str(error).split())}\n"
            f"Either put {names} there, or set their folder or another source with data_dir=FOLDER or "
            "data.mirror=URL_OR_FOLDER, or train on digits that need no download with +experiment=digits."
        )


def _remove_if_empty(folders: Sequence[Path]) -> None:
    """Remove the folders that a failed download has made, the inner one first; a lock's file may be left."""
    with suppress(OSError):
        for folder in folders:
            if [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
            folder.rmdir()


def _url_or_folder(mirror: str) -> str | Path:
    if "://" in mirror:
        return mirror.rstrip("/") + "/"
    folder = user_path(mirror).absolute()
    if not folder.is_dir():
        raise ValueError(f"data.mirror must be a URL or a folder; there is no folder {folder}.")
    return folder


def contents(archive: Path, names: Sequence[str]) -> Iterator[IO[bytes]]:
    """The unpacked content of a gzip archive, or of the gzip archives of these names in a zip archive."""
    if archive.suffix != ".zip":
        with gzip.open(archive) as content:
            yield content  # type: ignore[misc]  # a file of bytes
        return
    with zipfile.ZipFile(archive) as outer:
        for entry in outer.namelist():
            if Path(entry).stem in names:
                with outer.open(entry) as packed, gzip.open(packed) as content:
                    yield content  # type: ignore[misc]


def _is_intact(path: Path) -> bool:
    try:
        idx_shape(path)
    except ValueError:
        return False
    return True


@contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
