"""The message for an unknown key, with the most similar known key; the last part of a key counts most."""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS
from gradexp.configuration.key_rules import KEY_RULES, OPTIONAL
from gradexp.configuration.renamed import renamed_key
from gradexp.configuration.trainer_rules import TRAINER_RULES
from gradexp.configuration.values import flat

CUTOFF = 0.6  # of the similarity, as in difflib.get_close_matches

Plain = Mapping[str, Any]


def known_keys(node: Plain) -> list[str]:
    """All keys that may be typed: those of the configuration first, then further arguments of its classes."""
    listed = [key for key in flat(node) if not key.startswith(("hydra.", "sweep.axes."))]
    return [*listed, *KEY_RULES, *addable_keys(node)]


def addable_keys(node: Plain) -> list[str]:
    """Arguments that the configuration's classes take but its files do not list: a plus adds them."""
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
    """The message for a key that nothing reads."""
    renamed = renamed_key(key)
    if renamed is not None:
        return renamed
    if key in OPTIONAL:
        return f"{key} is not in the configuration, but can be added: +{key}=VALUE."
    nearest = nearest_key(key, known_keys(node))
    parent = key.rpartition(".")[0]
    section: Any = node
    for part in parent.split(".") if parent else ():
        section = section.get(part, {}) if isinstance(section, Mapping) else {}
    listed = ", ".join(sorted(map(str, section))) if isinstance(section, Mapping) else ""
    suggestion = f" Did you mean {nearest}?" if nearest is not None else ""
    keys = f" Keys of {parent or 'the top level'}: {listed}." if listed else ""
    return f"{key} is not a key of the configuration.{suggestion}{keys}"


def nearest_key(key: str, valid: Iterable[str]) -> str | None:
    """The most similar dotted key; None if none is similar.

    Args:
        key: The typed key, such as "regularizer.L1".
        valid: The known keys, likelier ones first.
    """
    best, best_score = None, (CUTOFF, 0.0)
    for candidate in valid:
        last = _similarity(key.rpartition(".")[2], candidate.rpartition(".")[2])
        score = (last, _similarity(key, candidate))
        if score > best_score:
            best, best_score = candidate, score
    return best


def _similarity(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()
