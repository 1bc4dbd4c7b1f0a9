"""Objects from a configuration: only arguments that the class takes, also where its source does not show them."""

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from gradexp.rules import did_you_mean

T = TypeVar("T")


def construct(cls: type[T], key: str, given: Mapping[str, Any], offered: Mapping[str, Any]) -> T:
    """Call `cls` with all of `given` and with what it takes of `offered`.

    Args:
        cls: The class.
        key: Key of the configuration that holds `given`, for messages.
        given: Arguments that the user set: each must be one that `cls` takes.
        offered: Arguments that the experiment has ready for classes that take them.

    Raises:
        ValueError: `cls` does not take a given argument, or refuses a value.
    """
    parameters = inspect.signature(cls).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    valid = [name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
    for name in given:
        if name not in valid and not takes_any:
            raise ValueError(
                f"{key}.{name} is not an argument of {cls.__name__}, which takes {', '.join(valid) or 'none'}."
                f"{did_you_mean(name, valid)}"
            )
    for name in given.keys() & offered.keys():
        raise ValueError(f"{key}.{name} is set by another key of the configuration; got {given[name]!r} here.")
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    for name in needed:
        if name not in given and name not in offered:
            raise ValueError(f"{key}.{name} must be given: {cls.__name__} has no default for it; got {dict(given)}.")
    ready = {name: value for name, value in offered.items() if name in valid or takes_any}
    return cls(**ready, **given)
