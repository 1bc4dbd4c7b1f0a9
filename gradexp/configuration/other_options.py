"""Names the options of a group that take an argument which the chosen option does not."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from gradexp.building.class_reader import read_class
from gradexp.building.class_source import ClassSource
from gradexp.building.names import MissingNameError
from gradexp.building.sections import UnknownArgumentError
from gradexp.configuration.groups import groups, option_file
from gradexp.rules.words import meant, other_word

TABLES = (".csv", ".tsv", ".txt", ".parquet")


def with_options(error: UnknownArgumentError, value: Any, target: str | None = None) -> str:
    """The message of an unknown argument, with what to type if another option of its group takes it.

    Args:
        error: The error.
        value: The argument's value.
        target: The chosen class; of several options, one whose class has the same base is typed.
    """
    group, _, argument = error.key.rpartition(".")
    near = ""
    options = options_with(group, argument)
    if not options:
        found = meant_argument(group, argument)
        is_plain = str(error) == error.message  # else an argument of the chosen class is spelt alike
        if found is not None and (
            is_plain or (other_word(argument, [found]) and not str(error).endswith(f" {found}?"))
        ):
            argument, near, options = found, f" Did you mean {found}?", options_with(group, found)
    if not options:
        return str(error)
    chosen = next((option for option in options if _is_akin(group, option, target)), options[0])
    if group == "data" and Path(str(value)).suffix.lower() in TABLES and "table" in options:
        chosen = "table"
    typed = f"{group}.{argument}={value if isinstance(value, str) else json.dumps(value)}"
    if not re.fullmatch(r"[\w./=,:-]+", typed):
        typed = shlex.quote(f'{group}.{argument}="{value}"' if isinstance(value, str) else typed)
    listed = ", ".join(f"{group}={option}" for option in options)
    return f"{error.message}{near} It belongs to {listed}: type {group}={chosen} {typed}"


def options_with(group: str, argument: str) -> list[str]:
    """The options of a group whose files list the argument; if there is none, those whose classes take it."""
    sections = {option: option_file(group, option) for option in groups()[group]}
    listed = [option for option, section in sections.items() if argument in section]
    return listed or [option for option, section in sections.items() if _takes(section.get("_target_"), argument)]


def meant_argument(group: str, argument: str) -> str | None:
    """The argument of any option of a group that is another word for this one, or is spelt like it."""
    sections = [option_file(group, option) for option in groups()[group]]
    sources = [source for section in sections if (source := _source(section.get("_target_"))) is not None]
    signatures = [source.signature for source in sources if source.signature is not None]
    names = [
        *(name for section in sections for name in section),
        *(one for all in signatures for one in all.parameters),
    ]
    return meant(argument, dict.fromkeys(name for name in names if name != "_target_"))


def _is_akin(group: str, option: str, target: str | None) -> bool:
    """Whether an option's class is of the chosen kind, such as another regressor."""
    chosen, source = _source(target), _source(option_file(group, option).get("_target_"))
    if chosen is None or source is None:
        return False
    bases = [base.path for base in chosen.bases if base is not None]
    return chosen.path == source.path or bool(source.is_subclass(bases))


def _source(target: Any) -> ClassSource | None:
    try:
        return read_class(target) if isinstance(target, str) else None
    except MissingNameError:  # a plugin of Hydra that exists in memory alone
        return None


def _takes(target: Any, argument: str) -> bool:
    source = _source(target)
    return source is not None and source.signature is not None and argument in source.signature.parameters
