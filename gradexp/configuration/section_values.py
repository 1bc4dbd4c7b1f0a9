"""Checks that a section is one, and says which of its keys a single value was meant for."""

from collections.abc import Mapping
from typing import Any

from gradexp.building.kinds import NAMED_CLASSES
from gradexp.configuration.key_rules import KEY_RULES
from gradexp.configuration.unknown_keys import named_class
from gradexp.rules import SECTION, check, shown

BEFORE = {"export": "task=export ckpt_path=RUN/checkpoints/best.ckpt "}  # what a key of the section needs


def check_is_section(name: str, value: Any) -> None:
    """Check that the value of `name` is a section.

    Raises:
        ValueError: It is another value, such as that of `export=onnx`.
    """
    keys = {key: rule for key, rule in KEY_RULES.items() if key.startswith(f"{name}.")}
    if isinstance(value, Mapping) or not keys:
        typed = named_class(name, value) if name in NAMED_CLASSES and isinstance(value, str) else None
        if typed is not None:
            raise ValueError(f"{name} must be {SECTION.words}; got {shown(value)}. Type {typed}")
        return check(name, value, SECTION)
    meant = next((key for key, rule in keys.items() if value in rule.names and rule.holds(value)), None)
    hint = f"Type {BEFORE.get(name, '')}{meant}={value}" if meant else f"Its keys: {', '.join(keys)}."
    raise ValueError(f"{name} must be {SECTION.words}; got {shown(value)}. {hint}")
