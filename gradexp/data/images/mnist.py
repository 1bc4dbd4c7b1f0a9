"""MNIST and the sets in its format, read and downloaded by torchvision."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal, Unpack, final

from filelock import FileLock
from platformdirs import user_cache_dir
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5

from gradexp.data.images.idx import idx_shape
from gradexp.data.images.image_datamodule import ImageDataModule, ImageSource
from gradexp.data.options import ImageOptions, TorchvisionOptions
from gradexp.files import write_atomically
from gradexp.rules import BatchSize, SampleNumber

DOWNLOAD_TIMEOUT = 30  # seconds without an answer from a host


def default_data_dir() -> str:
    """The folder that GRADEXP_DATA_DIR names, else the user's cache."""
    return os.environ.get("GRADEXP_DATA_DIR") or user_cache_dir("gradexp", appauthor=False)


class TorchvisionDataModule(ImageDataModule):
    """A set of 28 x 28 grey images in the format of MNIST.

    Archives that lie in ``<data_dir>/<name of the set>/raw/`` are used; missing ones are downloaded and held against
    their MD5.

    Args:
        data_dir: Folder of the archives; None for GRADEXP_DATA_DIR, else the user's cache.
        mirror: A URL or a folder that holds the archives, asked before torchvision's own mirrors.
        augmentation: Arguments of RandomGeometry; None for the images as they are.
        batch_size, val_size, eval_batch_size, seed, num_workers, memory_limit: See AbstractDataModule.
        shuffle, repeat, steps_per_execution: See AbstractDataModule.
    """

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
        self.data_dir = Path(data_dir or default_data_dir()).expanduser().absolute()
        self.mirror = _url_or_folder(mirror) if mirror else None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 1, 28, 28

    @property
    def classes(self) -> list[str]:
        # torchvision calls MNIST's classes "0 - zero" and so on.
        return [name.split(" - ")[0] for name in self.dataset_class.classes]

    def prepare_data(self) -> None:
        """Fetch and unpack what is missing, on one process of a machine.

        Raises:
            ValueError: The data cannot be had, or a file is damaged; nothing else is taken in its place.
        """
        if all(path.is_file() for path in self._raw_files) and not self._restorable():
            return
        try:
            self._raw_folder.mkdir(parents=True, exist_ok=True)
            # Jobs of a sweep start together on one cache.
            with FileLock(self._raw_folder / ".lock"), _network_timeout(DOWNLOAD_TIMEOUT):
                self._copy_from_mirror()
                for path in self._restorable():
                    path.unlink()  # torchvision unpacks it again
                self._fetch()
        except (RuntimeError, OSError) as error:
            raise ValueError(self._cannot_be_had(error)) from error

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        for images, labels in zip(self._raw_files[::2], self._raw_files[1::2], strict=True):
            image_axes, label_axes = idx_shape(images), idx_shape(labels)
            if len(image_axes) != 3 or len(label_axes) != 1:
                raise ValueError(
                    f"{images} must hold images (3 axes) and {labels} labels (1 axis); they have {len(image_axes)} and "
                    f"{len(label_axes)}. Delete both to have them fetched again."
                )
            if image_axes[0] != label_axes[0]:
                raise ValueError(
                    f"{images} and {labels} must hold equally many samples; they hold {image_axes[0]} images and "
                    f"{label_axes[0]} labels. Delete both to have them fetched again."
                )
        dataset = self._open(self.dataset_class, train=part == "train")
        return ImageSource(dataset.data.unsqueeze(1), dataset.targets.long())

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
        """Damaged files whose archive is whole: left by a kill while it was being unpacked."""
        damaged = [path for path in self._raw_files if path.is_file() and not _is_whole(path)]
        return [
            path
            for path in damaged
            for archive, md5 in self._archives()
            if archive.stem in (path.name, "gzip") and archive.is_file() and calculate_md5(archive) == md5
        ]

    def _copy_from_mirror(self) -> None:
        """Take whole archives from a mirror that is a folder."""
        if isinstance(self.mirror, Path):
            for archive, md5 in self._archives():
                offered = self.mirror / archive.name
                if not archive.is_file() and offered.is_file() and calculate_md5(offered) == md5:
                    write_atomically(archive, offered.read_bytes())

    def _fetch(self) -> None:
        """Let torchvision download and unpack what is missing, the mirror first."""
        mirrors = [*([self.mirror] if isinstance(self.mirror, str) else []), *self.dataset_class.mirrors]
        # The name stays: torchvision derives the folder from it.
        self._open(type(self.dataset_class.__name__, (self.dataset_class,), {"mirrors": mirrors}), True, download=True)

    def _open(self, dataset_class: type[datasets.MNIST], train: bool, download: bool = False) -> datasets.MNIST:
        return dataset_class(str(self.data_dir), train=train, download=download)

    def _cannot_be_had(self, error: Exception) -> str:
        wrong = [
            f"{archive} has MD5 {calculate_md5(archive)}, must be {md5}. "
            for archive, md5 in self._archives()
            if archive.is_file() and calculate_md5(archive) != md5
        ]
        names = ", ".join(archive.name for archive, _ in self._archives())
        return (
            f"{self.dataset_class.__name__} is not in {self._raw_folder} and could not be downloaded. "
            f"{''.join(wrong)}{' '.join(str(error).split())}\n"
            f"Ways out: put {names} there, or name their folder or another source with data_dir=FOLDER or "
            "data.mirror=URL_OR_FOLDER; or train on digits that need no network with +experiment=digits."
        )


@final
class MNIST(TorchvisionDataModule):
    """Handwritten digits, 60,000 and 10,000 images (LeCun, Cortes and Burges 1998)."""

    dataset_class = datasets.MNIST


@final
class FashionMNIST(TorchvisionDataModule):
    """Articles of clothing, 60,000 and 10,000 images (Xiao, Rasul and Vollgraf 2017)."""

    dataset_class = datasets.FashionMNIST


@final
class KMNIST(TorchvisionDataModule):
    """Cursive Japanese characters, 60,000 and 10,000 images (Clanuwat et al. 2018)."""

    dataset_class = datasets.KMNIST


@final
class EMNIST(TorchvisionDataModule):
    """Handwritten letters and digits (Cohen et al. 2017), turned upright.

    Args:
        split: balanced (47 classes), byclass (62), bymerge (47), letters (26), digits (10) or mnist (10).
        **options: See TorchvisionDataModule.
    """

    dataset_class = datasets.EMNIST

    def __init__(
        self,
        split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] = "balanced",
        **options: Unpack[TorchvisionOptions],
    ) -> None:
        super().__init__(**options)
        self.split = split

    @property
    def classes(self) -> list[str]:
        # torchvision keeps an empty class 0 in front of the letters.
        return [name for name in datasets.EMNIST.classes_split_dict[self.split] if name != "N/A"]

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        source = super().load(part)
        first = 1 if self.split == "letters" else 0
        return ImageSource(source.images.transpose(-1, -2).contiguous(), source.targets - first)

    @property
    def _raw_files(self) -> list[Path]:
        return [
            self._raw_folder / f"emnist-{self.split}-{part}-{kind}-ubyte"
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        ]

    def _archives(self) -> list[tuple[Path, str]]:
        return [(self._raw_folder / "gzip.zip", datasets.EMNIST.md5)]

    def _fetch(self) -> None:
        urls = [*([f"{self.mirror}gzip.zip"] if isinstance(self.mirror, str) else []), datasets.EMNIST.url]
        for number, url in enumerate(urls, start=1):
            try:
                for train in (True, False):  # each looks for its own files only
                    self._open(type("EMNIST", (datasets.EMNIST,), {"url": url}), train, download=True)
                return
            except (RuntimeError, OSError):
                if number == len(urls):
                    raise

    def _open(self, dataset_class: type[datasets.MNIST], train: bool, download: bool = False) -> datasets.MNIST:
        return dataset_class(str(self.data_dir), split=self.split, train=train, download=download)


def _url_or_folder(mirror: str) -> str | Path:
    if "://" in mirror:
        return mirror.rstrip("/") + "/"
    folder = Path(mirror).expanduser().absolute()
    if not folder.is_dir():
        raise ValueError(f"data.mirror must be a URL or a folder; there is no folder {folder}.")
    return folder


def _is_whole(path: Path) -> bool:
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
