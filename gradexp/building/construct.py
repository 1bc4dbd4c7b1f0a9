"""Objects from a class and a section of a configuration, with only the arguments that the class takes."""

import inspect
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, cast, get_args

import torch
from torch import Tensor

from gradexp.arguments import arguments_of, signature_of, takes_any
from gradexp.rules import did_you_mean, is_list

T = TypeVar("T")

# Exceptions that classes of other packages raise for a wrong argument.
ARGUMENT_ERRORS = (
    ValueError, TypeError, LookupError, AssertionError, AttributeError, ArithmeticError, RuntimeError, ImportError,
)  # fmt: skip


def construct(cls: type[T], key: str, given: Mapping[str, Any], offered: Mapping[str, Any]) -> T:
    """Call `cls` with all of the user's arguments, `given` under `key`, and with those that it takes of gradexp's.

    Raises:
        ValueError: `cls` does not take a given argument, or refuses a value.
    """
    parameters = signature_of(cast(Any, cls)).parameters
    valid = arguments_of(cls)
    settable = [name for name in valid if name not in offered]
    for name in given:
        if name in offered:
            raise ValueError(f"{key}.{name} is set by another key of the configuration; got {given[name]!r} here.")
        if name not in valid and not takes_any(cls):
            raise ValueError(
                f"{key}.{name} is not an argument of {cls.__name__}, which takes {', '.join(settable) or 'none'}."
                f"{did_you_mean(name, settable)}"
            )
    for name, p in parameters.items():
        is_required = p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        if is_required and name not in given and name not in offered:
            raise ValueError(f"{key}.{name} must be given: {cls.__name__} has no default for it; got {dict(given)}.")
    taken = {name: value for name, value in offered.items() if name in valid}
    return cls(**taken, **{name: _tensor(value, parameters.get(name)) for name, value in given.items()})


def constructed(cls: Any, key: str, given: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
    """`construct` for classes of other packages, whose errors are converted to ValueError.

    Raises:
        ValueError: `cls` does not take a given argument or value.
    """
    try:
        return construct(cls, key, given, offered)
    except Exception as error:
        # Lightning's exception is compared by name, because importing it takes seconds.
        is_argument_error = isinstance(error, ARGUMENT_ERRORS) or type(error).__name__ == "MisconfigurationException"
        if not is_argument_error or str(error).startswith(f"{key}."):
            raise
        shown = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(
            f"{key} must have arguments that {cls.__name__} takes; got {shown or 'none'}: {error}"
        ) from error


def _tensor(value: Any, parameter: inspect.Parameter | None) -> Any:
    """A list of numbers as a tensor, if the class takes only a tensor; unlike betas, a tuple of numbers or tensors."""
    annotation = None if parameter is None else parameter.annotation
    wants_tensor = annotation is Tensor or set(get_args(annotation)) == {Tensor, NoneType}
    return torch.tensor(value, dtype=torch.float32) if wants_tensor and is_list(value) else value
