"""The data sets in the format of MNIST, read from existing files."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets

from gradexp.data import KMNIST, MNIST, FashionMNIST
from gradexp.data.images.torchvision_datamodule import TorchvisionDataModule
from tests.data.tiny import TEST, TRAIN, check_data, idx_bytes, mnist_arrays, write_archives, write_idx

SETS: list[type[TorchvisionDataModule]] = [MNIST, FashionMNIST, KMNIST]
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def set_up(module: TorchvisionDataModule) -> TorchvisionDataModule:
    module.prepare_data()
    module.setup("fit")
    module.setup("test")
    return module


def raw_pixels(module: TorchvisionDataModule, inputs: Any) -> Any:
    return np.round(inputs.numpy() * module.std + module.mean)


@pytest.mark.parametrize("data_class", SETS)
def test_images_and_labels_equal_the_files(data_class: type[TorchvisionDataModule], tmp_path: Path) -> None:
    arrays = mnist_arrays()
    for name, array in arrays.items():
        write_idx(tmp_path / data_class.__name__ / "raw" / name, array)
    module = set_up(data_class(str(tmp_path), batch_size=None, val_size=10))
    assert module.sizes() == {"train": TRAIN - 10, "val": 10, "test": TEST}
    assert (module.image_shape, module.num_features, module.num_classes) == ((1, 28, 28), 784, 10)
    for part, prefix in (("train", "train"), ("test", "t10k")):
        source = module.load("train" if part == "train" else "test")
        np.testing.assert_array_equal(source.images[:, 0].numpy(), arrays[f"{prefix}-images-idx3-ubyte"])
        np.testing.assert_array_equal(source.targets.numpy(), arrays[f"{prefix}-labels-idx1-ubyte"])
    inputs, targets = next(iter(module.test_dataloader()))
    np.testing.assert_array_equal(raw_pixels(module, inputs)[:, 0], arrays["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(targets.numpy(), arrays["t10k-labels-idx1-ubyte"])


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        (LABELS, np.full(TRAIN, 10, np.uint8), f"{LABELS} must hold labels from 0 to 9; it has 10. Delete it"),
        (
            IMAGES,
            np.zeros((TRAIN, 10, 10), np.uint8),
            f"{IMAGES} must hold n images \\[n, 28, 28\\], .* \\[60, 10, 10\\]",
        ),
        (IMAGES, np.zeros((TRAIN, 784, 1), np.uint8), f"{IMAGES} must hold n images"),
    ],
)
def test_labels_and_shapes_that_no_model_fits_raise(name: str, array: Any, words: str, tmp_path: Path) -> None:
    for file, content in (mnist_arrays() | {name: array}).items():
        write_idx(tmp_path / "MNIST" / "raw" / file, content)
    with pytest.raises(ValueError, match=words):
        set_up(MNIST(str(tmp_path), val_size=10))


def test_files_of_torchvisions_oldest_versions_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, processed = tmp_path / "MNIST" / "raw", tmp_path / "MNIST" / "processed"
    monkeypatch.setattr(datasets.MNIST, "resources", write_archives(raw))
    processed.mkdir()
    for name in ("training.pt", "test.pt"):
        (processed / name).write_bytes(b"of another time")
    module = MNIST(str(tmp_path), val_size=10)
    module.prepare_data()
    check_data(module)


def test_class_names_have_no_torchvision_prefix() -> None:
    assert MNIST().classes == list("0123456789")
    assert FashionMNIST().classes[0] == "T-shirt/top"
    assert KMNIST().classes[:3] == ["o", "ki", "su"]


def test_data_dir_is_the_argument_or_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADEXP_DATA_DIR", str(tmp_path / "named"))
    assert MNIST().data_dir == tmp_path / "named"
    assert MNIST("here").data_dir == Path.cwd() / "here"
    monkeypatch.delenv("GRADEXP_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in MNIST().data_dir.parents
    assert MNIST("~/data").data_dir == tmp_path / "data"


WHOLE = idx_bytes(mnist_arrays()[IMAGES])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(WHOLE[:-100], id="truncated"),
        pytest.param(WHOLE[:17], id="one pixel"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<htm" + WHOLE[4:], id="another format"),
        pytest.param(idx_bytes(mnist_arrays()[LABELS]), id="labels"),
    ],
)
def test_damaged_file_without_an_archive_raises(content: bytes, tmp_path: Path) -> None:
    for name, array in mnist_arrays().items():
        write_idx(tmp_path / "MNIST" / "raw" / name, array)
    path = tmp_path / "MNIST" / "raw" / IMAGES
    path.write_bytes(content)
    with pytest.raises(ValueError, match=IMAGES) as error:
        set_up(MNIST(str(tmp_path), batch_size=20, val_size=10))
    assert str(path) in str(error.value)


def test_different_numbers_of_images_and_labels_raise(tmp_path: Path) -> None:
    arrays = mnist_arrays()
    for name, array in arrays.items():
        write_idx(tmp_path / "MNIST" / "raw" / name, array[:-1] if name == LABELS else array)
    with pytest.raises(ValueError, match=r"shapes are \[60, 28, 28\] and \[59\]") as error:
        set_up(MNIST(str(tmp_path), batch_size=20, val_size=10))
    assert IMAGES in str(error.value)
    assert LABELS in str(error.value)


def test_real_mnist_has_its_known_size_mean_and_std(mnist_data_dir: Path) -> None:
    module = set_up(MNIST(str(mnist_data_dir)))
    assert module.sizes() == {"train": 55_000, "val": 5000, "test": 10_000}
    assert module.mean == pytest.approx(0.1307 * 255, rel=0.005)
    assert module.std == pytest.approx(0.3081 * 255, rel=0.005)
    assert module.load("train").targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert module.load("test").targets[:5].tolist() == [7, 2, 1, 0, 4]


def test_truncated_file_is_restored_from_the_real_archive(mnist_data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(mnist_data_dir, tmp_path / "copy")
    module = MNIST(str(tmp_path / "copy"))
    module.prepare_data()
    path = tmp_path / "copy" / "MNIST" / "raw" / IMAGES
    path.write_bytes(path.read_bytes()[:1_000_000])
    module.prepare_data()
    assert path.stat().st_size == 16 + 60_000 * 784
    assert len(module.load("train")) == 60_000
