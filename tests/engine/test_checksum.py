"""A flipped bit anywhere in a checkpoint is noticed, and the file stays one that torch.load reads."""

import io
import random
import zipfile
from pathlib import Path

import pytest
import torch

from gradexp.engine.checkpoint_file import AtomicCheckpointIO, read_checkpoint
from gradexp.engine.checkpoints import FORMAT
from gradexp.engine.checksum import damage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    weights = {"weight": torch.arange(60.0).reshape(6, 10)}
    content = {"state_dict": weights, "config": {"seed": 0}, "global_step": 3, "format": FORMAT}
    AtomicCheckpointIO().save_checkpoint(content, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def is_noticed(path: Path) -> bool:
    try:
        return damage(path) != ""
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, EOFError):
        return True


def test_other_programs_read_the_file(path: Path) -> None:
    assert damage(path) == ""
    loaded = torch.load(path, weights_only=True)
    assert torch.equal(loaded["state_dict"]["weight"], torch.arange(60.0).reshape(6, 10))
    assert torch.load(path, weights_only=True, mmap=True)["global_step"] == 3
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    """In the headers, in the weights, in the directory, and in the checksum itself."""
    whole = path.read_bytes()
    rng = random.Random(0)
    end = len(whole) - 51  # where the directory's end and the checksum begin
    for place in [*range(0, 30, 2), *rng.sample(range(30, end), 15), *range(end, len(whole))]:
        for bit in range(8):
            with path.open("r+b") as file:
                file.seek(place)
                file.write(bytes([whole[place] ^ 1 << bit]))
            assert is_noticed(path), (place, bit)
        with path.open("r+b") as file:
            file.seek(place)
            file.write(whole[place : place + 1])
    assert damage(path) == ""


@pytest.mark.parametrize("place", ["weights", "pickle"])
def test_a_flipped_bit_in_a_file_of_an_earlier_version_is_noticed(place: str, tmp_path: Path) -> None:
    """It has no checksum of its own, but each entry of the archive has one."""
    buffer = io.BytesIO()
    content = {"state_dict": {"weight": torch.ones(100)}, "config": {"seed": 7}, "global_step": 3, "format": FORMAT}
    torch.save(content, buffer)
    whole = bytearray(buffer.getvalue())
    path = tmp_path / "old.ckpt"
    path.write_bytes(whole)
    assert read_checkpoint(str(path))["global_step"] == 3
    whole[whole.index({"weights": torch.ones(100).numpy().tobytes(), "pickle": b"global_step"}[place]) + 2] ^= 4
    path.write_bytes(whole)
    with pytest.raises(
        ValueError, match=r"ckpt_path must be a whole checkpoint; .*old\.ckpt is damaged: the checksum of"
    ):
        read_checkpoint(str(path))


def test_an_archive_that_unpacks_to_more_than_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**24))
    with pytest.raises(ValueError, match=r"bomb\.ckpt is damaged: it unpacks to more than its size"):
        read_checkpoint(str(path))
