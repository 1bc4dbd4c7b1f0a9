"""Files that others may have written: read as plain data within limits, and never followed out of their folder.

Nothing that is read here is imported, executed or resolved: text with ``${...}`` stays text, or is refused.
"""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

# Of a configuration; ours have a few hundred values in four levels. In YAML, a few lines of aliases can stand for
# billions of values.
MAX_VALUES, MAX_DEPTH = 100_000, 50
INTERPOLATION = "${"  # by which OmegaConf recognises one
NUMBER = (int, float)  # for check_kinds
LIMIT = 2.0**63  # no mean, size or count is larger

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # with them, text could steer a terminal
_UNREAD = re.compile(r"\.(?!hydra$)")  # hidden folders of other programs in a run's folder


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """YAML as plain data: dates stay text. libyaml reads a thousand configurations in seconds, not in a minute."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # as in the base
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class TypedLoader(Loader):
    """Values as they are typed: 1e-2 is a number, as for Hydra, though YAML 1.1 wants 1.0e-2."""


TypedLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"), [*"-+.0123456789"]
)


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file.

    Numbers that are not finite, which strict JSON does not have, become None. Control characters are replaced.

    Args:
        path: The file.
        what: What the file must be, for messages.

    Raises:
        ValueError: The file is not JSON.
    """
    try:
        return _clean(json.loads(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be {what}; it cannot be read ({error}).") from error


def _clean(content: Any) -> Any:
    if isinstance(content, dict):
        return {_clean(key): _clean(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_clean(value) for value in content]
    if isinstance(content, str):
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", content)
    return None if isinstance(content, float) and not math.isfinite(content) else content


def read_yaml(path: Path, what: str) -> Any:
    """The content of a YAML file; dates and interpolations in it are text.

    Raises:
        ValueError: The file is not YAML, or holds more than plain data.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader)
        check_plain(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be {what}; it cannot be read ({' '.join(str(error).split())}).") from error
    return content


def check_plain(content: Any, resolved: bool = False) -> None:
    """Check that a configuration is plain data: sections, lists, text, numbers, true, false and null.

    Args:
        content: The configuration.
        resolved: Whether it must also be free of interpolations, and of values that are missing.

    Raises:
        ValueError: It has anything else, or too many values; the message names the key.
    """
    values = [("", content, 0)]
    for number in range(MAX_VALUES):
        if not values:
            return
        key, value, depth = values.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"{key} is in more than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for name, item in value.items():
                if not isinstance(name, str | int | float):
                    raise ValueError(f"{key or 'it'} has a key that is a {type(name).__name__}")
                values.append((f"{key}.{name}" if key else str(name), item, depth + 1))
        elif isinstance(value, list):
            values += [(f"{key}.{place}", item, depth + 1) for place, item in enumerate(value)]
        elif not (value is None or isinstance(value, str | int | float)):
            raise ValueError(f"{key} is a {type(value).__name__}")
        elif resolved and isinstance(value, str) and (INTERPOLATION in value or value == "???"):
            raise ValueError(f"{key} has an interpolation, which is never resolved in a file: {value[:80]!r}")
        if number + len(values) > MAX_VALUES:
            break
    raise ValueError(f"it has more than {MAX_VALUES:,} values")


def check_kinds(state: Mapping[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """Check the values of a saved state by name; numbers must be finite, and True and False are none.

    Raises:
        TypeError: A value is of another kind.
        KeyError: A value is missing.
    """
    for name, kind in kinds.items():
        value = state[name]
        is_right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not is_right or (isinstance(value, int | float) and not abs(value) < LIMIT):
            raise TypeError(f"{name} is {repr(value)[:80]}")


def texts(state: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts in a saved state.

    Raises:
        TypeError: The value is something else.
        KeyError: The value is missing.
    """
    value = state[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is {repr(value)[:80]}")
    return tuple(value)


@contextmanager
def whole_records(rule: str, *also: type[Exception]) -> Iterator[None]:
    """Errors within it count as those of a record that was cut, or that others wrote, and so can lack anything.

    Args:
        rule: Whose records must be whole, and which are not; starts the message.
        also: Further exceptions that count.

    Raises:
        ValueError: The rule, with the reason.
    """
    counted: tuple[type[Exception], ...] = (LookupError, TypeError, AttributeError, ArithmeticError, *also)
    try:
        yield
    except counted as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(f"{rule} ({reason}).") from error


def check_stays_inside(folder: Path) -> None:
    """Check that no link in the folder of a run or a sweep leads out of it, before anything is written there.

    The folder itself, and those above it, may be links.

    Raises:
        ValueError: A link does, or an entry is neither a file nor a folder.
    """
    inside = Path(os.path.realpath(folder))
    for entry in _entries(folder):
        if entry.is_symlink():
            if not Path(os.path.realpath(entry.path)).is_relative_to(inside):
                raise ValueError(
                    f"{folder} must be a folder whose links stay in it, as gradexp writes and deletes files there; "
                    f"{entry.path} is a link to {Path(entry.path).readlink()}. Delete it, or put what it leads to in "
                    "its place."
                )
        elif not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            raise ValueError(
                f"{folder} must hold files and folders only, as gradexp writes there; {entry.path} is neither, but a "
                "pipe or a device. Name another folder, or delete it if no other program needs it."
            )


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    folders = [str(folder)] if folder.is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False) and not _UNREAD.match(entry.name):
                    folders.append(entry.path)
