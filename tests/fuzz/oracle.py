"""Runs a command line in this process as a terminal would, and says what is wrong with how it ended."""

import json
import os
import re
import sys
import traceback
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradexp.app.command_line import cli
from gradexp.app.errors import printable
from gradexp.building.kinds import CLASS_GROUPS
from gradexp.configuration.key_rules import KEY_RULES

MESSAGE_LINES, MESSAGE_LENGTH = 4, 2_000
OTHER_LINES = 8  # on standard error beside the message
LIBRARY_WARNINGS = 2
GROWTH = 900  # MiB that a case may take
# What Python says to programmers.
INTERNAL = re.compile(
    r"object has no attribute|NoneType|not subscriptable|unhashable|unexpected keyword|positional argument|"
    r"not supported between instances|index out of range|list indices|invalid literal for|unsupported operand|"
    r"not callable|cannot unpack|values to unpack|codec can't|embedded null|Expecting value|is not iterable|"
    r"<class '|<[\w.]+ object at|Traceback|[A-Za-z]+Error\("
)
TEMPORARY = re.compile(r"^\..+\.[a-z0-9_]{8}$")  # of gradexp.files.write_atomically
OWN_FILES = ("gradexp.log", ".lock")  # which every attempt touches
CACHE = "data/"  # whose damaged files are unpacked again


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit status or message, its traceback if any, what it wrote to both streams."""

    code: str | int | None
    trace: str | None
    out: str
    err: str

    @property
    def message(self) -> str | None:
        """The message with which it was refused; None for success."""
        if isinstance(self.code, str):
            return self.code
        return self.err.strip() if self.code == 2 and "usage: " in self.err else None  # argparse's


def run(arguments: Sequence[str]) -> Ending:
    """Run `python -m gradexp ARGUMENTS` with both streams on files, as `redirect` set them."""
    os.environ["GRADEXP_FULL_ERROR"] = os.environ["HYDRA_FULL_ERROR"] = "0"
    sys.argv = ["gradexp", *arguments]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.ftruncate(stream.fileno(), 0)
        os.lseek(stream.fileno(), 0, os.SEEK_SET)
    code: Any = None
    trace = None
    try:
        cli()
    except SystemExit as end:
        code = end.code
    except BaseException:
        trace = traceback.format_exc()
    texts = []
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        texts.append(Path(f"/proc/self/fd/{stream.fileno()}").read_bytes().decode(errors="replace"))
    return Ending(code, trace, *texts)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and modification time of each file below the folder, by path; links are not followed."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            stat = path.lstat()
            found[str(path.relative_to(folder))] = (stat.st_size, stat.st_mtime_ns)
    return found


def faults(arguments: Sequence[str], ending: Ending, before: dict[str, tuple[int, int]]) -> list[str]:
    """What is wrong with how a command ended in the current folder, which had the files of `before`."""
    if ending.trace is not None:
        last = ending.trace.strip().splitlines()[-1]
        return [f"traceback: {last[:200]}\n{ending.trace}"]
    found = [*_of_streams(ending), *_of_files(ending, before)]
    message = ending.message
    if message is not None:
        found += _of_message(arguments, message)
    elif ending.code not in (None, 0) and not re.search(r"diverged|checks/failed|failed", ending.out):
        found.append(f"status without a message: {ending.code}\n{ending.out}{ending.err}")
    return found


def _of_message(arguments: Sequence[str], message: str) -> list[str]:
    found = []
    if not message.startswith(("error: ", "usage: ")):
        found.append(f"a message without error: {message[:60]}")
    if message.startswith("usage: "):
        return found
    if len(message.splitlines()) > MESSAGE_LINES or len(message) > MESSAGE_LENGTH:
        found.append(f"a long message: {len(message.splitlines())} lines, {len(message)} characters\n{message[:300]}")
    without_echo = re.sub(r"got '.*?'|\(.*?\)|\".*?\"", "", message, flags=re.DOTALL)
    internal = INTERNAL.search(without_echo)
    if internal:
        found.append(f"a message for programmers: {internal[0]}\n{message}")
    keys = {printable(one.lstrip("+~").partition("=")[0][:20]) for one in arguments} - {""}
    names = [*keys, *KEY_RULES, *CLASS_GROUPS, *(str(path) for path in Path().iterdir())]
    if not any(name in message for name in names) and not re.search(r"\b[a-z_]+(\.[a-z_]+)+\b|--\w|/", message):
        found.append(f"a message that names nothing: {message[:200]}")
    unprintable = sorted({character for character in message if not character.isprintable() and character != "\n"})
    if unprintable:
        found.append(f"a message with control characters: {unprintable[:5]}")
    return found


def _of_streams(ending: Ending) -> list[str]:
    found = []
    if "Traceback (most recent call last)" in ending.out + ending.err:
        found.append(f"a traceback on a stream\n{ending.out}{ending.err}")
    if not (isinstance(ending.code, int) and ending.code == 2):
        lines = ending.err.splitlines()
        if len(lines) > OTHER_LINES:
            found.append(f"many lines on standard error: {len(lines)}\n{ending.err[:1500]}")
    warnings = re.findall(r"^.*site-packages.*Warning: .*$", ending.err, flags=re.MULTILINE)
    if len(warnings) > LIBRARY_WARNINGS:
        found.append(f"warnings of libraries: {len(warnings)}\n{ending.err[:1500]}")
    return found


def _of_files(ending: Ending, before: dict[str, tuple[int, int]]) -> list[str]:
    after = snapshot(Path())
    new = [Path(path) for path in after.keys() - before.keys()]
    found = [f"a temporary file is left: {path}" for path in new if TEMPORARY.match(path.name)]
    found += [f"a lock is left: {path}" for path in new if path.name == ".holder"]
    changed = [path for path in before if after.get(path) != before[path]]
    is_refused = isinstance(ending.code, str) and "jobs have no result" not in ending.code
    touched = [path for path in changed if Path(path).name not in OWN_FILES and not path.startswith(CACHE)]
    if is_refused and touched:
        found.append(f"refused, but changed: {', '.join(sorted(touched)[:5])}")
    for path in [*new, *map(Path, changed)]:
        found += _of_file(path)
    runs = {path.parent for path in new if path.name == "gradexp.log"} | {
        path.parent.parent for path in new if path.suffix == ".ckpt"
    }
    for run in runs:
        files = {path.name for path in run.iterdir()}
        if not files & {"metrics.json", "manifest.json"}:
            found.append(f"a run without metrics.json: {sorted(files)}")
    empty = [path for path in Path().rglob("*") if path.is_dir() and not path.is_symlink() and not any(path.iterdir())]
    if is_refused and not runs:
        found += [f"an empty folder is left: {path}" for path in empty if str(path) in ("outputs", "run", "sweep")]
    return found


def _of_file(path: Path) -> list[str]:
    """Whether a file that was written is whole."""
    try:
        if path.suffix == ".json" and path.is_file():
            json.loads(path.read_text(), parse_constant=_refuse)
        elif path.suffix == ".ckpt" and path.is_file():
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
    except (ValueError, AssertionError, zipfile.BadZipFile, OSError) as error:
        return [f"a file is not whole: {path} ({error})"]
    return []


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
