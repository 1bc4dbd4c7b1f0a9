"""Names the options of a group that take an argument which the chosen option does not."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from gradexp.building.class_reader import read_class
from gradexp.building.sections import UnknownArgumentError
from gradexp.configuration.groups import groups, option_file

TABLES = (".csv", ".tsv", ".txt", ".parquet")


def with_options(error: UnknownArgumentError, value: Any) -> str:
    """The message of an unknown argument, with what to type if another option of its group takes it."""
    group, _, argument = error.key.rpartition(".")
    options = options_with(group, argument)
    if not options:
        return str(error)
    chosen = options[0]
    if group == "data" and Path(str(value)).suffix.lower() in TABLES and "table" in options:
        chosen = "table"
    typed = f"{error.key}={value if isinstance(value, str) else json.dumps(value)}"
    if not re.fullmatch(r"[\w./=,:-]+", typed):
        typed = shlex.quote(f'{error.key}="{value}"' if isinstance(value, str) else typed)
    listed = ", ".join(f"{group}={option}" for option in options)
    return f"{error.message} It belongs to {listed}: type {group}={chosen} {typed}"


def options_with(group: str, argument: str) -> list[str]:
    """The options of a group whose files list the argument; if there is none, those whose classes take it."""
    sections = {option: option_file(group, option) for option in groups()[group]}
    listed = [option for option, section in sections.items() if argument in section]
    return listed or [option for option, section in sections.items() if _takes(section.get("_target_"), argument)]


def _takes(target: Any, argument: str) -> bool:
    source = read_class(target) if isinstance(target, str) else None
    return source is not None and source.signature is not None and argument in source.signature.parameters
