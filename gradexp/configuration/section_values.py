"""Checks that a section is one, and says which of its keys a single value was meant for."""

from collections.abc import Mapping
from typing import Any

from gradexp.building.kinds import CLASS_GROUPS, NAMED_CLASSES
from gradexp.configuration.key_rules import CLOSED_SECTIONS, KEY_RULES, key_taking
from gradexp.configuration.unknown_keys import named_class
from gradexp.rules import SECTION, check, shown

SECTIONS = (*CLASS_GROUPS, *NAMED_CLASSES, *CLOSED_SECTIONS)  # what every configuration has
BEFORE = {"export": "task=export ckpt_path=RUN/checkpoints/best.ckpt "}  # what a key of the section needs


def check_is_section(name: str, node: Mapping[str, Any]) -> None:
    """Check that the configuration has the section `name`.

    Raises:
        ValueError: It was deleted, or is another value, such as that of `export=onnx`.
    """
    if name not in node:
        raise ValueError(f"{name} must be in the configuration, a section of keys and values; it was deleted.")
    value = node[name]
    keys = [key for key in KEY_RULES if key.startswith(f"{name}.")]
    if isinstance(value, Mapping) or not keys:
        typed = named_class(name, value) if name in NAMED_CLASSES and isinstance(value, str) else None
        if typed is not None:
            raise ValueError(f"{name} must be {SECTION.words}; got {shown(value)}. Type {typed}")
        return check(name, value, SECTION)
    meant = key_taking(name, value)
    hint = f"Type {BEFORE.get(name, '')}{meant}={value}" if meant else f"Its keys: {', '.join(keys)}."
    raise ValueError(f"{name} must be {SECTION.words}; got {shown(value)}. {hint}")
