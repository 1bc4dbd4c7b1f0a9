"""The sets in MNIST's format, from archives and mirrors."""

import gzip
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from torchvision import datasets

from gradexp.data import EMNIST, MNIST
from gradexp.data.mnist import TorchvisionDataModule
from tests.data.tiny import TEST, TRAIN, idx_bytes, mnist_arrays, write_archives, write_idx

Mirror = Callable[[Path], str]


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tiny archives, which torchvision takes for MNIST's."""
    folder = tmp_path / "my archives"
    monkeypatch.setattr(datasets.MNIST, "resources", write_archives(folder))
    return folder


@pytest.fixture
def emnist_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """EMNIST's one archive, with the split letters alone."""
    path = tmp_path / "emnist" / "gzip.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for name, array in mnist_arrays(num_classes=26).items():
            own = f"gzip/emnist-letters-{name.replace('t10k', 'test')}.gz"
            file.writestr(own, gzip.compress(idx_bytes(array + np.uint8(1) if array.ndim == 1 else array)))
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(path))
    return path


@pytest.fixture
def serve() -> Iterator[Mirror]:
    """Serve a folder by HTTP."""
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=str(folder)))
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def check_data(module: TorchvisionDataModule) -> None:
    assert (len(module.load("train")), len(module.load("test"))) == (TRAIN, TEST)
    np.testing.assert_array_equal(module.load("test").images[:, 0], mnist_arrays()["t10k-images-idx3-ubyte"])


def test_archives_that_lie_there_need_no_network(archives: Path, tmp_path: Path) -> None:
    write_archives(tmp_path / "data" / "MNIST" / "raw")
    module = MNIST(str(tmp_path / "data"))
    module.prepare_data()
    check_data(module)


def test_a_folder_serves_as_mirror(archives: Path, tmp_path: Path) -> None:
    module = MNIST(str(tmp_path / "data"), mirror=str(archives))
    module.prepare_data()
    check_data(module)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_url_serves_as_mirror(slash: str, archives: Path, tmp_path: Path, serve: Mirror) -> None:
    module = MNIST(str(tmp_path / "data"), mirror=serve(archives) + slash)
    module.prepare_data()
    check_data(module)


def test_torchvision_s_own_mirrors_are_asked_next(
    archives: Path, tmp_path: Path, serve: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{serve(archives)}/"])
    (tmp_path / "empty").mkdir()
    module = MNIST(str(tmp_path / "data"), mirror=serve(tmp_path / "empty"))
    module.prepare_data()
    check_data(module)


def test_a_mirror_that_serves_a_wrong_file_is_refused(archives: Path, tmp_path: Path, serve: Mirror) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    expected = md5(archives / name)
    (archives / name).write_bytes(gzip.compress(idx_bytes(np.full(TEST, 7, np.uint8))))
    module = MNIST(str(tmp_path / "data"), mirror=serve(archives))
    with pytest.raises(ValueError, match=f"{name} has MD5 {md5(archives / name)}, must be {expected}"):
        module.prepare_data()
    assert not (tmp_path / "data" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").exists()


def test_a_mirror_folder_must_exist() -> None:
    with pytest.raises(ValueError, match=r"data\.mirror must be a URL or a folder; there is no folder .*/elsewhere"):
        MNIST(mirror="elsewhere")


@pytest.mark.parametrize("data_class", [MNIST, EMNIST])
def test_without_data_and_network_the_message_shows_ways_out(
    data_class: type[TorchvisionDataModule], tmp_path: Path
) -> None:
    module = data_class(data_dir=str(tmp_path / "data"))
    with pytest.raises(ValueError, match="could not be downloaded") as error:
        module.prepare_data()
    for way_out in ("data_dir=", "data.mirror=", "+experiment=digits", str(tmp_path / "data")):
        assert way_out in str(error.value)


def test_a_damaged_archive_is_named_with_both_sums(archives: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_archives(raw)
    name = "train-images-idx3-ubyte.gz"
    (raw / name).write_bytes((raw / name).read_bytes()[:-10])
    with pytest.raises(ValueError, match=f"{name} has MD5 {md5(raw / name)}, must be {md5(archives / name)}"):
        MNIST(str(tmp_path / "data")).prepare_data()


@pytest.mark.xfail(strict=True, reason="NotADirectoryError of mkdir passes through")
def test_a_data_dir_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file"):
        MNIST(str(tmp_path / "file")).prepare_data()


@pytest.mark.parametrize("name", list(mnist_arrays()))
@pytest.mark.parametrize("length", [0, 3, 17])
def test_a_file_that_a_kill_left_truncated_is_restored(name: str, length: int, archives: Path, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_archives(raw)
    module = MNIST(str(tmp_path / "data"))
    module.prepare_data()
    (raw / name).write_bytes(idx_bytes(mnist_arrays()[name])[:length])
    module.prepare_data()
    check_data(module)


def test_emnist_comes_from_a_mirror(emnist_archive: Path, tmp_path: Path, serve: Mirror) -> None:
    for mirror in (serve(emnist_archive.parent), str(emnist_archive.parent)):
        module = EMNIST("letters", data_dir=str(tmp_path / f"data from {mirror[:4]}"), mirror=mirror)
        module.prepare_data()
        assert module.load("test").targets.tolist() == [number % 26 for number in range(TRAIN, TRAIN + TEST)]


@pytest.mark.xfail(strict=True, reason="EMNIST's own URL is replaced by the mirror, not asked after it")
def test_emnist_s_own_host_is_asked_after_the_mirror(
    emnist_archive: Path, tmp_path: Path, serve: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.EMNIST, "url", f"{serve(emnist_archive.parent)}/gzip.zip")
    (tmp_path / "empty").mkdir()
    EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=str(tmp_path / "empty")).prepare_data()


TRAIN_ONLY = pytest.mark.xfail(
    strict=True, reason="torchvision's EMNIST unpacks when a file of the training part is missing, not of the test part"
)


@pytest.mark.parametrize("part", ["train", pytest.param("test", marks=TRAIN_ONLY)])
@pytest.mark.parametrize("length", [None, 17])
def test_emnist_s_files_are_restored_from_its_archive(
    length: int | None, part: str, emnist_archive: Path, tmp_path: Path
) -> None:
    module = EMNIST("letters", data_dir=str(tmp_path / "data"), mirror=str(emnist_archive.parent))
    module.prepare_data()
    path = tmp_path / "data" / "EMNIST" / "raw" / f"emnist-letters-{part}-images-idx3-ubyte"
    if length is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:length])
    module.prepare_data()
    check_data(module)


def test_files_that_lie_there_need_no_archives(tmp_path: Path) -> None:
    for name, array in mnist_arrays().items():
        write_idx(tmp_path / "MNIST" / "raw" / name, array)
    module = MNIST(str(tmp_path))
    module.prepare_data()
    check_data(module)
