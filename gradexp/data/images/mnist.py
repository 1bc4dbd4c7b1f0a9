"""The data sets in the format of MNIST."""

from pathlib import Path
from typing import Literal, Unpack, final

from torchvision import datasets

from gradexp.data.images.image_datamodule import ImageSource
from gradexp.data.images.torchvision_datamodule import TorchvisionDataModule
from gradexp.data.options import TorchvisionOptions


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
    """Handwritten letters and digits (Cohen et al. 2017); the images are transposed to be upright.

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
        # torchvision has an empty class 0 before the letters.
        return [name for name in datasets.EMNIST.classes_split_dict[self.split] if name != "N/A"]

    def load(self, part: Literal["train", "test"]) -> ImageSource:
        source = super().load(part)
        return ImageSource(source.images.transpose(-1, -2).contiguous(), source.targets)

    @property
    def _labels(self) -> range:
        first = 1 if self.split == "letters" else 0
        return range(first, first + len(self.classes))

    @property
    def _raw_files(self) -> list[Path]:
        return [
            self._raw_folder / f"emnist-{self.split}-{part}-{kind}-ubyte"
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        ]

    def _archives(self) -> list[tuple[Path, str]]:
        return [(self._raw_folder / "gzip.zip", datasets.EMNIST.md5)]

    def _download(self) -> None:
        urls = [*([f"{self.mirror}gzip.zip"] if isinstance(self.mirror, str) else []), datasets.EMNIST.url]
        for number, url in enumerate(urls, start=1):
            try:
                for train in (True, False):  # each part checks only for its own files
                    self._downloader(url=url)(str(self.data_dir), split=self.split, train=train, download=True)
                return
            except (RuntimeError, OSError):
                if number == len(urls):
                    raise
