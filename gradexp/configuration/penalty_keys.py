"""Checks the section `regularizer`: each penalty is a function's name and factor, or a section with `_target_`."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from gradexp.building.class_reader import read_function
from gradexp.building.kinds import KINDS
from gradexp.building.modules import find_module
from gradexp.building.names import MissingNameError
from gradexp.building.sections import check_arguments
from gradexp.building.trust import check_trusted
from gradexp.configuration.key_rules import KEY_RULES
from gradexp.rules import NON_NEGATIVE, check, did_you_mean

MODULE = "gradexp.objective.penalties"


def penalty_names() -> list[str]:
    """The public functions of gradexp.objective.penalties, read from its source."""
    module = find_module(MODULE)
    assert module is not None
    return [
        name for name, item in module.names.items() if isinstance(item, ast.FunctionDef) and not name.startswith("_")
    ]


def check_penalties(given: Mapping[str, Any], trusted_packages: Sequence[str]) -> None:
    """Check that the section `regularizer` names existing penalties with valid factors.

    Raises:
        ValueError: There is no such penalty, or a factor breaks its rule.
    """
    names = penalty_names()
    for name, value in given.items():
        key = f"regularizer.{name}"
        if key in KEY_RULES:
            continue
        if isinstance(value, Mapping):
            _check_foreign(key, value, trusted_packages)
        elif name in names:
            check(key, value, NON_NEGATIVE)
        else:
            valid = list(dict.fromkeys(["l1", "l2", "proximal", *names]))
            suggestion = did_you_mean(name, valid).replace("Did you mean ", "Did you mean regularizer.")
            raise ValueError(
                f"{key} is not a penalty of gradexp, which has {', '.join(valid)}.{suggestion} "
                f"Add your own with +{key}._target_=package.function +{key}.factor=NUMBER."
            )


def _check_foreign(key: str, section: Mapping[str, Any], trusted_packages: Sequence[str]) -> None:
    kind = KINDS["regularizer"]
    check_trusted(section.get("_target_"), kind, trusted_packages, f"{key}._target_")
    if "factor" not in section:
        raise ValueError(f"{key}.factor must be {NON_NEGATIVE.words}; it is missing.")
    check(f"{key}.factor", section["factor"], NON_NEGATIVE)
    target = section["_target_"]
    try:
        signature = read_function(target)
    except MissingNameError as error:
        raise ValueError(f"{key}._target_ must name {kind.noun}; got {target}: {error}.") from error
    if signature is not None:
        given = {name: value for name, value in section.items() if name not in ("_target_", "factor")}
        check_arguments(key, given, target, signature, offered=list(signature.parameters)[:1])
