"""Tab completion: what may follow the words typed so far. It reads files alone, as each press of Tab waits for it."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS, NAMED_CLASSES
from gradexp.building.signatures import Signature
from gradexp.configuration.groups import defaults, groups, main_file, option_defaults, option_file, plus
from gradexp.configuration.key_rules import KEY_RULES, OPTIONAL
from gradexp.configuration.values import flat

FLAGS: Mapping[str, Sequence[str]] = {
    "--help": (),
    "--version": (),
    "--multirun": (),
    "-m": (),
    "--cfg": ("job", "hydra", "all"),
    "--resolve": (),
    "--package": (),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "--hydra-help": (),
    "--config-dir": (),
}
PATHS = ("ckpt_path", "input", "data_dir", "sweep_dir", "sweep.resume", "data.path", "data.test_path", "hydra.run.dir")
HIDDEN = ("defaults", "hydra")  # parts of config.yaml
PLAIN = re.compile(r"[\w./@%+-]+")  # names of files that no shell and no parser of overrides needs quotes for


def candidates(words: Sequence[str]) -> list[str]:
    """What the last word may become.

    Args:
        words: The words after the command's name up to the cursor; the last one is begun, or empty.
    """
    *before, word = words or [""]
    choices = FLAGS.get(before[-1], ()) if before else ()
    if choices:
        found: Iterator[str] = iter(choices)
    elif word.startswith("-"):
        found = iter(FLAGS)
    elif "=" in word:
        found = _values(word, before)
    else:
        found = _names(word, before)
    begun = {one for one in found if one.startswith(word) or _without_sign(one).startswith(word)}
    return sorted(begun)


def _without_sign(name: str) -> str:
    """Of +experiment=, what somebody types who does not know of the plus."""
    return name.lstrip("+") if "=" not in name.rstrip("=") else name


def _names(word: str, before: Sequence[str]) -> Iterator[str]:
    """Groups, keys, and sections with a dot, of which a person wants the keys only when the dot is there."""
    sign = word[: len(word) - len(word.lstrip("+~"))]
    section = word.lstrip("+~").rpartition(".")[0]
    yield from (f"{sign or plus(group)}{group}=" for group in groups() if sign in ("", plus(group)) and not section)
    # With one plus only what is added: Hydra refuses it before a key that is there.
    keys = dict.fromkeys([] if sign == "+" else _keys(before), sign)
    keys |= dict.fromkeys([] if sign == "~" else OPTIONAL, sign or "+")
    for key, before_key in keys.items():
        if key.rpartition(".")[0] == section:
            yield f"{before_key}{key}{'' if sign == '~' else '='}"
        elif not section:
            yield f"{sign}{key.partition('.')[0]}."
    yield from (f"+{name}." for name in NAMED_CLASSES if sign == "+" and not section)


def _values(word: str, before: Sequence[str]) -> Iterator[str]:
    """KEY=VALUE; after a comma, the next value of a sweep."""
    start = word[: max(word.rindex("="), word.rfind(",")) + 1]
    key, begun = word.partition("=")[0].lstrip("+~"), word[len(start) :]
    if key in groups():
        values: Iterator[str] = iter(groups()[key])
    elif key in PATHS:
        values = _files(begun)
    else:
        values = iter(_choices(key, before))
    return (f"{start}{value}" for value in values)


def _choices(key: str, before: Sequence[str]) -> Sequence[str]:
    """The values that the rule of a key lists."""
    rule = KEY_RULES.get(key)
    group, _, name = key.partition(".")
    signature = _signature(group, before) if rule is None and group in CLASS_GROUPS else None
    if signature is not None and name in signature.parameters:
        rule = KINDS[group].rules.get(name) or signature.parameters[name].rule
    return rule.names if rule is not None else ()


def _keys(before: Sequence[str]) -> list[str]:
    """All keys, with those of the options that are chosen."""
    keys = list(flat({name: value for name, value in main_file().items() if name not in HIDDEN}))
    for group, option in _chosen(before).items():
        content = option_file(group, option)
        keys += [key for key in flat({group: content}) if not key.endswith("._target_")] if content else []
        signature = _signature(group, before) if group in CLASS_GROUPS else None
        if signature is not None:
            kind = KINDS[group]
            set_by_us = {*kind.offered, *(kind.offered_to[1] if kind.offered_to else ())}
            keys += [f"{group}.{name}" for name in [*signature.parameters, *kind.own_keys] if name not in set_by_us]
    return [key for key in keys if key not in CLASS_GROUPS]


def _signature(group: str, before: Sequence[str]) -> Signature | None:
    target = option_file(group, _chosen(before).get(group, "")).get("_target_")
    source = read_class(target) if isinstance(target, str) else None
    return source.signature if source is not None else None


def _chosen(before: Sequence[str]) -> dict[str, str]:
    """The option of each group: typed, or of the typed experiment, or the default one."""
    typed = {key.lstrip("+"): value for key, _, value in (word.partition("=") for word in before)}
    entries = option_defaults("experiment", typed.get("experiment", ""))
    overridden = {
        str(name).rpartition("/")[2]: str(option)
        for entry in entries
        if isinstance(entry, dict)
        for name, option in entry.items()
    }
    return {group: typed.get(group, overridden.get(group, option)) for group, option in defaults().items()}


def _files(begun: str) -> Iterator[str]:
    """Paths that begin so; folders end with a slash."""
    folder = os.path.dirname(begun)  # noqa: PTH120  # of "a/", pathlib's parent is "."
    path = Path(folder or ".").expanduser()
    for child in path.iterdir() if path.is_dir() else ():
        if PLAIN.fullmatch(child.name) and (not child.name.startswith(".") or "/." in f"/{begun}"):
            yield f"{os.path.join(folder, child.name)}{'/' if child.is_dir() else ''}"  # noqa: PTH118
