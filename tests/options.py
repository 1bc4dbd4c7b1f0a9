"""Reads the options of conf/'s groups from their files."""

from typing import Any

import yaml

from gradexp.configuration.files import CONF_DIR


def options(group: str) -> list[str]:
    """Names of the options of a group."""
    return sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))


def option(group: str, name: str) -> dict[str, Any]:
    """The content of an option, merged with the options in its defaults list."""
    content: dict[str, Any] = yaml.safe_load((CONF_DIR / group / f"{name}.yaml").read_text()) or {}
    inherited: dict[str, Any] = {}
    for base in content.pop("defaults", []):
        if base != "_self_":
            inherited |= option(group, base)
    return inherited | content
