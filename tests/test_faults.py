"""A process that dies, or a disk that is full, at any operation on a file loses nothing."""

import errno
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.operations import intercept
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import real_faults
from tests.processes import in_process

SHARE, SEED = 1 / 30, 16  # all points: python -m tests.faults --all


def walk_share(folder: Path) -> None:
    from tests.faults.__main__ import main  # imports all that runs need, as this process has

    with (folder / "result").open("w") as output:
        os.dup2(output.fileno(), 1)
    sys.argv = ["faults", "--share", str(SHARE), "--seed", str(SEED)]
    sys.exit(main())


@pytest.mark.slow
def test_a_thirtieth_of_the_points(own_folder: Path) -> None:
    status = in_process(walk_share, own_folder)
    result = (own_folder / "result").read_text()
    assert status == 0, result
    assert re.findall(r"^(\w+): 0 of [1-9]\d* points are wrong", result, re.MULTILINE) == list(SCENARIOS), result


def run_with_small_files(folder: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    prepare: Callable[[Path], None] = lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limit[1]))  # noqa: E731
    (folder / "result").write_text("\n".join(real_faults(folder, prepare, lambda: None, errno.EFBIG)))


def run_on_a_small_disk(folder: Path) -> None:
    disk = folder / "run" / "real" / "run"

    def prepare(working: Path) -> None:
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk], check=True)

    def free() -> None:
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)

    try:
        (folder / "result").write_text("\n".join(real_faults(folder, prepare, free, errno.ENOSPC)))
    finally:
        subprocess.run(["umount", disk], check=False)


@pytest.mark.slow
def test_a_limit_of_the_file_size(own_folder: Path) -> None:
    assert in_process(run_with_small_files, own_folder) == 0
    assert (own_folder / "result").read_text() == ""


@pytest.mark.slow
def test_a_disk_that_becomes_full(own_folder: Path) -> None:
    disk = own_folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    subprocess.run(["umount", disk], check=True)
    assert in_process(run_on_a_small_disk, own_folder) == 0
    assert (own_folder / "result").read_text() == ""


def intercepted(folder: Path) -> None:
    seen: list[tuple[str, str]] = []
    below = folder / "below"
    below.mkdir()
    intercept(below, lambda kind, path: seen.append((kind, path)))
    path = below / "sub" / "file"
    path.parent.mkdir()
    path.write_text("text")
    with path.open("ab", buffering=0) as file:
        file.write(b"more")
        os.fsync(file.fileno())
    os.close(os.open(below / "other", os.O_CREAT | os.O_WRONLY))
    path.read_text()
    (folder / "outside").write_text("outside")
    os.truncate(path, 3)
    path.rename(below / "renamed")
    os.replace(below / "renamed", path)  # noqa: PTH105
    path.unlink()
    (folder / "result").write_text("\n".join(f"{kind} {name}" for kind, name in seen))


def test_every_operation_is_seen(own_folder: Path) -> None:
    assert in_process(intercepted, own_folder) == 0
    assert (own_folder / "result").read_text().splitlines() == [
        "mkdir sub",
        "open sub/file",
        "write sub/file",
        "open sub/file",
        "write sub/file",
        "fsync sub/file",
        "open other",
        "truncate sub/file",
        "rename renamed",
        "rename sub/file",
        "unlink sub/file",
    ]
