"""MNIST's archives in the data folder and from mirrors."""

import gzip
import resource
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from gradexp.data import EMNIST, MNIST
from gradexp.data.images.torchvision_datamodule import TorchvisionDataModule
from tests.data.conftest import Mirror
from tests.data.tiny import (
    TEST,
    TRAIN,
    UNREACHABLE,
    check_data,
    idx_bytes,
    md5,
    mnist_arrays,
    write_archives,
    write_idx,
)


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tiny archives, which torchvision accepts as MNIST's."""
    folder = tmp_path / "my archives"
    monkeypatch.setattr(datasets.MNIST, "resources", write_archives(folder))
    return folder


def test_existing_archives_need_no_download(archives: Path, tmp_path: Path) -> None:
    write_archives(tmp_path / "data" / "MNIST" / "raw")
    module = MNIST(str(tmp_path / "data"))
    module.prepare_data()
    check_data(module)


def test_mirror_can_be_a_folder(archives: Path, tmp_path: Path) -> None:
    module = MNIST(str(tmp_path / "data"), mirror=str(archives))
    module.prepare_data()
    check_data(module)


@pytest.mark.parametrize("slash", ["", "/"])
def test_mirror_can_be_a_url(slash: str, archives: Path, tmp_path: Path, serve: Mirror) -> None:
    module = MNIST(str(tmp_path / "data"), mirror=serve(archives) + slash)
    module.prepare_data()
    check_data(module)


def test_mirrors_of_torchvision_are_tried_after_the_mirror(
    archives: Path, tmp_path: Path, serve: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{serve(archives)}/"])
    module = MNIST(str(tmp_path / "data"), mirror=UNREACHABLE)
    module.prepare_data()
    check_data(module)


def test_mirror_with_a_wrong_file_raises(archives: Path, tmp_path: Path, serve: Mirror) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    expected = md5(archives / name)
    (archives / name).write_bytes(gzip.compress(idx_bytes(np.full(TEST, 7, np.uint8))))
    module = MNIST(str(tmp_path / "data"), mirror=serve(archives))
    with pytest.raises(ValueError, match=f"{name} has MD5 {md5(archives / name)}, must be {expected}"):
        module.prepare_data()
    assert not (tmp_path / "data" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").exists()


def test_missing_mirror_folder_raises() -> None:
    with pytest.raises(ValueError, match=r"data\.mirror must be a URL or a folder; there is no folder .*/elsewhere"):
        MNIST(mirror="elsewhere")


def test_a_download_that_fails_leaves_no_folder_of_its_own(tmp_path: Path) -> None:
    tmp_path.joinpath("there").mkdir()
    for _ in range(2):
        with pytest.raises(ValueError, match="could not be downloaded"):
            MNIST(str(tmp_path / "there" / "new" / "data")).prepare_data()
        assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
    kept = tmp_path / "there" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with pytest.raises(ValueError, match="could not be downloaded"):
        MNIST(str(tmp_path / "there")).prepare_data()
    assert kept.exists()


@pytest.mark.parametrize("data_class", [MNIST, EMNIST])
def test_message_without_data_and_network_lists_alternatives(
    data_class: type[TorchvisionDataModule], tmp_path: Path
) -> None:
    module = data_class(data_dir=str(tmp_path / "data"))
    with pytest.raises(ValueError, match="could not be downloaded") as error:
        module.prepare_data()
    for alternative in ("data_dir=", "data.mirror=", "+experiment=digits", str(tmp_path / "data")):
        assert alternative in str(error.value)


def test_damaged_archive_raises_with_both_md5_sums(archives: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_archives(raw)
    name = "train-images-idx3-ubyte.gz"
    (raw / name).write_bytes((raw / name).read_bytes()[:-10])
    with pytest.raises(ValueError, match=f"{name} has MD5 {md5(raw / name)}, must be {md5(archives / name)}"):
        MNIST(str(tmp_path / "data")).prepare_data()


def test_data_dir_that_is_a_file_raises(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file"):
        MNIST(str(tmp_path / "file")).prepare_data()


@pytest.mark.parametrize("name", list(mnist_arrays()))
@pytest.mark.parametrize("length", [0, 3, 17])
def test_truncated_file_is_restored_from_the_archive(name: str, length: int, archives: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_archives(raw)
    module = MNIST(str(tmp_path / "data"))
    module.prepare_data()
    (raw / name).write_bytes(idx_bytes(mnist_arrays()[name])[:length])
    module.prepare_data()
    check_data(module)


@pytest.mark.parametrize("kind", ["archives", "folder", "unpacked"])
def test_archives_that_unpack_to_more_than_the_memory_limit_are_refused(
    kind: str, archives: Path, tmp_path: Path
) -> None:
    """The size in the archive itself is not believed, and nothing is left behind."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    for name, array in mnist_arrays().items() if kind == "unpacked" else ():
        write_idx(raw / name, array)
    if kind == "archives":
        write_archives(raw)
    before = sorted(raw.glob("*"))
    mirror = str(archives) if kind == "folder" else None
    limit = 0.9 * (TRAIN + TEST) * 28 * 28 / 2**30
    module = MNIST(str(tmp_path / "data"), mirror=mirror, memory_limit=limit)

    def read() -> None:
        module.prepare_data()
        module.load("train")

    with pytest.raises(
        ValueError, match=r"^data\.memory_limit must be at least \S+ \(GiB\) for MNIST, whose "
    ) as caught:
        read()
    assert str(caught.value).endswith(f"unpack to that or more; got {limit:g}.")
    assert not [path for path in raw.glob("*ubyte") if path not in before]
    for enough in (0.0, 1.2 * limit):  # 0 streams the samples, but has no limit of its own for archives
        module = MNIST(str(tmp_path / "data"), mirror=mirror, memory_limit=enough)
        module.prepare_data()
        check_data(module)


def test_no_more_than_the_limit_is_unpacked_to_find_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    resources = write_archives(raw)
    name = "train-images-idx3-ubyte.gz"
    bomb = gzip.compress(bytes(2**26), 9, mtime=0)
    (raw / name).write_bytes(bomb[:-4] + (1000).to_bytes(4, "little"))  # a size that is not that of the content
    monkeypatch.setattr(datasets.MNIST, "resources", [(name, md5(raw / name)), *resources[1:]])
    unpacked: list[int] = []
    check = TorchvisionDataModule._check_size

    def record(self: TorchvisionDataModule, size: int) -> None:
        unpacked.append(size)
        check(self, size)

    monkeypatch.setattr(TorchvisionDataModule, "_check_size", record)
    with pytest.raises(ValueError, match=r"^data\.memory_limit must be at least"):
        MNIST(str(tmp_path / "data"), memory_limit=0.01).prepare_data()
    assert max(unpacked) <= 0.01 * 2**30 + 2**20


def test_a_full_disk_is_the_reason_and_the_next_run_unpacks_again(archives: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_archives(raw)
    (raw / ".train-labels-idx1-ubyte.gz.abcdefgh.gradexp~").touch()  # of a killed copy from a mirror
    module = MNIST(str(tmp_path / "data"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            module.prepare_data()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.filename == str(raw)
    assert (raw / "train-images-idx3-ubyte").stat().st_size == 1000
    module.prepare_data()
    check_data(module)
    assert not list(raw.glob("*~"))
