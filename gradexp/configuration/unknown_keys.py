"""What is said of a key that nothing reads: the real one that may be meant, the same last name first."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS
from gradexp.configuration.key_rules import KEY_RULES, OPTIONAL
from gradexp.configuration.renamed import renamed_key
from gradexp.configuration.trainer_rules import TRAINER_RULES

ALIKE = 0.6  # of the letters, as in difflib.get_close_matches

Plain = Mapping[str, Any]


def known_keys(node: Plain) -> list[str]:
    """All keys that could be typed: those of the configuration first, then further arguments of its classes."""
    listed = [key for key in _flat(node) if not key.startswith(("hydra.", "sweep.axes."))]
    return [*listed, *KEY_RULES, *addable_keys(node)]


def addable_keys(node: Plain) -> list[str]:
    """Arguments that the configuration's classes take and its files do not list: these are added with a plus."""
    keys = [f"trainer.{name}" for name in TRAINER_RULES if f"trainer.{name}" in OPTIONAL]
    for group in CLASS_GROUPS:
        section = node.get(group)
        target = section.get("_target_") if isinstance(section, Mapping) else None
        try:
            source = read_class(target) if isinstance(target, str) else None
        except ValueError:
            continue
        if source is not None and source.signature is not None:
            keys += [f"{group}.{name}" for name in source.signature.parameters if name not in KINDS[group].offered]
        keys += [f"{group}.{name}" for name in KINDS[group].own_keys]
    return keys


def unknown_key(key: str, node: Plain) -> str:
    """What is said of a key that nothing reads."""
    renamed = renamed_key(key)
    if renamed is not None:
        return renamed
    if key in OPTIONAL:
        return f"{key} is not in the configuration, but can be added: +{key}=VALUE."
    near = nearest_key(key, known_keys(node))
    parent = key.rpartition(".")[0]
    section: Any = node
    for part in parent.split(".") if parent else ():
        section = section.get(part, {}) if isinstance(section, Mapping) else {}
    listed = ", ".join(sorted(map(str, section))) if isinstance(section, Mapping) else ""
    meant = f" Did you mean {near}?" if near is not None else ""
    keys = f" Keys of {parent or 'the top level'}: {listed}." if listed else ""
    return f"{key} is not a key of the configuration.{meant}{keys}"


def nearest_key(key: str, valid: Iterable[str]) -> str | None:
    """The most similar dotted key; None where none is alike.

    Args:
        key: What was typed, such as "regularizer.L1".
        valid: Keys that there are, the likelier ones first.
    """
    best, best_score = None, (ALIKE, 0.0)
    for one in valid:
        last = _alike(key.rpartition(".")[2], one.rpartition(".")[2])
        score = (last, _alike(key, one))
        if score > best_score:
            best, best_score = one, score
    return best


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _flat(node: Plain, prefix: str = "") -> Iterator[str]:
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def first_leaf(name: str, value: Any) -> str:
    """A key in full, as it was typed: of a section the first key in it."""
    return next(_flat({name: value}), name)
