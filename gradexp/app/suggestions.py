"""What to type for a word that stands where KEY=VALUE must: the override that it most likely means."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose

from gradexp.app.own_hydra import own_hydra
from gradexp.app.quoting import in_shell
from gradexp.configuration.groups import added_group, defaults, groups, plus
from gradexp.configuration.key_rules import TASKS
from gradexp.configuration.unknown_keys import known_keys, nearest_key
from gradexp.configuration.values import plain_without_hydra
from gradexp.rules.words import did_you_mean, other_word, spelt_like
from gradexp.sweeps.plan.axes import text

UNNAMED = ("none", "default", "auto")  # options that say nothing without their group
CUTOFF = 0.7  # of the similarity, above difflib's 0.6: the word may be anything
FLAGS = {"help": "--help", "version": "--version", "multirun": "-m", "info": "--help"}
# Of a task, the key that it needs, and what stands for its value.
NEEDS = {
    "test": ("ckpt_path", "RUN/checkpoints/best.ckpt"),
    "predict": ("ckpt_path", "RUN/checkpoints/best.ckpt"),
    "report": ("sweep_dir", "FOLDER"),
    "export": ("ckpt_path", "RUN/checkpoints/best.ckpt"),
    "explain": ("topic", "NAME"),
    "compare": ("compare.folders", "[FOLDER,FOLDER]"),
}


def setting(name: str, value: str | None = None) -> str | None:
    """The override that sets what somebody calls `name`; None if nothing is called so.

    Args:
        name: A group or a key, also without its section, in another spelling or with another library's word.
        value: Its value; None for a placeholder.
    """
    name = name.strip("-+~= ")
    group = next((one for one in groups() if one == name.lower()), None) or added_group(name)
    key = group or _key(name.replace("-", "_"))
    if key is None:
        return None
    if group is not None:
        chosen = _option(group, value) if value else f"NAME, of {', '.join(groups()[group])}"
        return f"{plus(group)}{group}={chosen}"
    return in_shell(f"{key}={value if value else 'VALUE'}")


def meanings(word: str, following: Sequence[str] = ()) -> list[str]:
    """What to type for a word without an equals sign, the likeliest first; empty if nothing is called so.

    Args:
        word: The word.
        following: The words after it on the command line.
    """
    name, colon, rest = word.partition(":")
    bare = word.strip("-+~ ").lower()
    value = _value(following)
    if colon and _is_known(name):
        return [found for found in [setting(name, rest)] if found]
    if bare in FLAGS:
        return [FLAGS[bare]]
    if bare in TASKS or (not _is_known(bare) and other_word(bare, TASKS)):
        return [_task(bare if bare in TASKS else str(other_word(bare, TASKS)), value)]
    is_option = any(bare in groups()[group] for group in defaults())
    is_word = not is_option and other_word(bare, [key.rpartition(".")[2] for key in _keys()]) is not None
    keys = [found for found in [setting(bare, value)] if found] if is_word or _is_known(bare) else []
    return keys or [*_of_path(word)] or _options(bare)


def _task(task: str, value: str | None) -> str:
    if task not in NEEDS:
        return f"task={task}"
    key, placeholder = NEEDS[task]
    return f"task={task} {in_shell(f'{key}={text(value)}')}" if value else f"task={task} {key}={placeholder}"


def _value(following: Sequence[str]) -> str | None:
    """The value after a key that a space has cut off: of `seed 1`, `seed = 1` and `seed =1`."""
    words = [word.removeprefix("=") for word in following[:2] if word != "="]
    if not words or words[0].startswith("-") or "=" in words[0]:
        return None
    return words[0]


def _options(word: str) -> list[str]:
    """The overrides that choose an option of this name in any group; those of a similar name if there is none."""
    all_options = [(group, one) for group, options in groups().items() for one in options if one not in UNNAMED]
    found = [(group, option) for group, option in all_options if option == word.replace("-", "_")]
    if not found:
        names = dict.fromkeys([*(option for _, option in all_options), *TASKS])
        name = spelt_like(word, names, CUTOFF)
        if name in TASKS:
            return [_task(name, None)]
        found = [(group, option) for group, option in all_options if option == name]
    return [f"{plus(group)}{group}={option}" for group, option in found[:2]]


def _of_path(word: str) -> Iterator[str]:
    """What to type with the path of a file or folder that exists."""
    path = Path(word)
    if not word or not os.path.exists(word):  # noqa: PTH110  # pathlib raises for a name that is too long
        return
    typed = text(word.rstrip("/"))
    if path.suffix == ".ckpt":
        yield in_shell(f"ckpt_path={typed}")
    elif path.is_file():
        yield f"data=table {in_shell(f'data.path={typed}')}"
    elif (path / "manifest.json").is_file():
        yield f"task=report {in_shell(f'sweep_dir={typed}')}"
    elif (path / "checkpoints").is_dir():
        best = text(str(path / "checkpoints" / "best.ckpt"))
        yield f"task=test {in_shell(f'ckpt_path={best}')}"
    else:
        yield f"data=image_folder {in_shell(f'data.path={typed}')}"


def _option(group: str, value: str) -> str:
    """The option of the group that is called so, else the value as it is."""
    options = groups()[group]
    near = did_you_mean(value, options).removeprefix(" Did you mean ").removesuffix("?")
    return value if value in options or not near else near


def _is_known(name: str) -> bool:
    return name.strip("-+~ ") in {*groups(), *_keys(), *(key.rpartition(".")[2] for key in _keys())}


def _key(name: str) -> str | None:
    """The key, or the first whose last part is called so, or the nearest one."""
    keys = _keys()
    if name in keys:
        return name
    exact = [key for key in keys if key.rpartition(".")[2] == name.lower()]
    return exact[0] if exact else nearest_key(name, keys)


def default_of(key: str) -> Any:
    """The default of a key in full; None if it has none."""
    section: Any = _defaults()
    for part in key.split("."):
        section = section.get(part) if isinstance(section, Mapping) else None
    return section


@cache
def _keys() -> tuple[str, ...]:
    return tuple(known_keys(_defaults()))


@cache
def _defaults() -> Mapping[str, Any]:
    with own_hydra():
        return plain_without_hydra(compose("config"))
