"""The groups of options in conf/, as their files list them."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from gradexp.configuration.files import CONF_DIR
from gradexp.untrusted import read_yaml

FIRST = ("experiment", "data", "optimizer", "model")  # whose options people name without their group


@cache
def groups() -> Mapping[str, Sequence[str]]:
    """The options of each group, the groups of `FIRST` first."""
    folders = sorted(CONF_DIR.iterdir(), key=lambda path: (*(path.name != name for name in FIRST), path.name))
    folders += sorted((CONF_DIR / "hydra").iterdir())
    found = {path: sorted(file.stem for file in path.glob("*.yaml")) for path in folders if path.is_dir()}
    return {path.relative_to(CONF_DIR).as_posix(): options for path, options in found.items() if options}


@cache
def defaults() -> Mapping[str, str]:
    """The option of each group that has a default one."""
    entries = [entry for entry in main_file()["defaults"] if isinstance(entry, dict)]
    return {str(name): str(option) for entry in entries for name, option in entry.items() if " " not in str(name)}


@cache
def main_file() -> Mapping[str, Any]:
    """The content of conf/config.yaml."""
    content: Mapping[str, Any] = read_yaml(CONF_DIR / "config.yaml", "the configuration")
    return content


def option_file(group: str, option: str) -> Mapping[str, Any]:
    """The content of an option's file and of those that it extends, without `defaults`; empty if there is none."""
    return {key: value for file in _files(group, option) for key, value in file.items() if key != "defaults"}


def option_defaults(group: str, option: str) -> Sequence[Any]:
    """The lists `defaults` of an option's file and of those that it extends, which come first."""
    return [entry for file in _files(group, option) for entry in file.get("defaults", ())]


def _files(group: str, option: str) -> Iterator[Mapping[str, Any]]:
    """The content of the files that make an option: those that it names in `defaults`, then its own."""
    path = CONF_DIR / group / f"{option}.yaml"
    content: Mapping[str, Any] = (read_yaml(path, "an option") or {}) if path.is_file() else {}
    for entry in content.get("defaults", ()):
        if isinstance(entry, str):
            yield from _files(group, entry)
    yield content


def plus(group: str) -> str:
    """The plus before a group without a default option; empty for any other."""
    return "" if group in defaults() or group.startswith("hydra/") else "+"


def added_group(name: str) -> str | None:
    """The group without a default option that is spelt like this, or begins so: experiment for experiments and exp."""
    added = [group for group in groups() if plus(group)]
    near = get_close_matches(name.lower(), added, 1, cutoff=0.8)
    begun = [group for group in added if len(name) > 2 and group.startswith(name.lower())]
    return next(iter(near or begun), None)
