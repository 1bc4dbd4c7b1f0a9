"""EMNIST, which has one archive with all splits and stores its images transposed."""

import gzip
import shutil
import string
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import datasets

from gradexp.data import EMNIST
from tests.data.conftest import Mirror
from tests.data.tiny import (
    TEST,
    TRAIN,
    UNREACHABLE,
    check_data,
    idx_bytes,
    md5,
    mnist_arrays,
    random_images,
    write_idx,
)


@pytest.mark.parametrize(("split", "num_classes", "first"), [("letters", 26, 1), ("balanced", 47, 0)])
def test_emnist_is_upright_and_its_classes_start_at_0(split: Any, num_classes: int, first: int, tmp_path: Path) -> None:
    images = random_images(TRAIN + TEST)
    labels = np.arange(TRAIN + TEST, dtype=np.uint8) % num_classes
    for part, rows in (("train", slice(TRAIN)), ("test", slice(TRAIN, None))):
        stem = tmp_path / "EMNIST" / "raw" / f"emnist-{split}-{part}"
        write_idx(Path(f"{stem}-images-idx3-ubyte"), np.ascontiguousarray(images[rows].transpose(0, 2, 1)))
        write_idx(Path(f"{stem}-labels-idx1-ubyte"), labels[rows] + np.uint8(first))
    module = EMNIST(split, data_dir=str(tmp_path))
    module.prepare_data()
    assert module.num_classes == num_classes
    train, test = module.load("train"), module.load("test")
    assert set(train.targets.tolist()) == set(range(num_classes))
    np.testing.assert_array_equal(torch.cat([train.images, test.images])[:, 0].numpy(), images)
    np.testing.assert_array_equal(torch.cat([train.targets, test.targets]).numpy(), labels)


def test_class_names_of_emnist_are_its_characters() -> None:
    assert EMNIST("letters").classes == list(string.ascii_lowercase)
    assert EMNIST("byclass").classes == sorted(string.digits + string.ascii_letters)
    # Lower-case letters that look like their capitals share their class (Cohen et al. 2017, section II-A).
    balanced = set(string.digits + string.ascii_uppercase) | set("abdefghnqrt")
    assert EMNIST("balanced").classes == sorted(balanced)


def test_unknown_split_raises() -> None:
    with pytest.raises(ValueError, match=r"^split must be one of .*got 'leters'\. Did you mean letters\?"):
        EMNIST("leters")  # type: ignore[arg-type]  # on purpose


@pytest.fixture
def emnist_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """EMNIST's archive, with only the split letters."""
    path = tmp_path / "emnist" / "gzip.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for name, array in mnist_arrays(num_classes=26).items():
            stored = array + np.uint8(1) if array.ndim == 1 else array.transpose(0, 2, 1)
            file.writestr(f"gzip/emnist-letters-{name.replace('t10k', 'test')}.gz", gzip.compress(idx_bytes(stored)))
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(path))
    return path


@pytest.mark.parametrize("kind", ["url", "folder"])
def test_emnist_is_read_from_a_mirror(kind: str, emnist_archive: Path, tmp_path: Path, serve: Mirror) -> None:
    mirror = str(emnist_archive.parent) if kind == "folder" else serve(emnist_archive.parent)
    module = EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=mirror)
    module.prepare_data()
    assert module.load("test").targets.tolist() == [number % 26 for number in range(TRAIN, TRAIN + TEST)]


def test_emnist_falls_back_to_its_host_after_the_mirror(
    emnist_archive: Path, tmp_path: Path, serve: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.EMNIST, "url", f"{serve(emnist_archive.parent)}/gzip.zip")
    EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=UNREACHABLE).prepare_data()


def test_wrong_labels_are_unpacked_again_or_refused(emnist_archive: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "EMNIST" / "raw"
    module = EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=str(emnist_archive.parent))
    module.prepare_data()
    (raw / "emnist-letters-test-images-idx3-ubyte").unlink()
    labels = raw / "emnist-letters-train-labels-idx1-ubyte"
    write_idx(labels, np.zeros((TRAIN, 2, 2), np.uint8))
    module.prepare_data()
    check_data(module)
    write_idx(labels, np.zeros(TRAIN, np.uint8))  # letters begin at 1
    with pytest.raises(ValueError, match="must hold labels from 1 to 26; it has 0"):
        module.load("train")


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("length", [None, 17])
def test_damaged_files_of_emnist_are_restored_from_the_archive(
    length: int | None, part: str, emnist_archive: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "data" / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    shutil.copy(emnist_archive, raw)
    module = EMNIST("letters", data_dir=str(tmp_path / "data"))
    module.prepare_data()
    path = raw / f"emnist-letters-{part}-images-idx3-ubyte"
    if length is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:length])
    module.prepare_data()
    check_data(module)


def test_what_a_killed_run_left_of_unpacking_is_removed(emnist_archive: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "EMNIST" / "raw"
    module = EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=str(emnist_archive.parent))
    module.prepare_data()
    (raw / "gzip").mkdir()
    (raw / "gzip" / "emnist-letters-train-images-idx3-ubyte.gz").touch()
    module.prepare_data()
    assert not (raw / "gzip").exists()
    check_data(module)
    (raw / "gzip.zip").unlink()
    (raw / "gzip").mkdir()
    module.prepare_data()
    assert (raw / "gzip").exists(), "not torchvision's, as there is no archive that it would come from"
