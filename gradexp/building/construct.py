"""Objects from a class and a section of a configuration: only arguments that the class takes."""

import inspect
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar, get_args

import torch
from torch import Tensor

from gradexp.arguments import arguments_of, takes_any
from gradexp.rules import did_you_mean

T = TypeVar("T")

# What classes of other packages raise for a wrong argument.
COMPLAINTS = (
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    ImportError,
)


def construct(cls: type[T], key: str, given: Mapping[str, Any], offered: Mapping[str, Any]) -> T:
    """Call `cls` with all of `given` and with what it takes of `offered`.

    Args:
        cls: The class.
        key: Key of the configuration that holds `given`, for messages.
        given: Arguments that the user set: each must be one that `cls` takes.
        offered: Arguments that gradexp has ready for classes that take them.

    Raises:
        ValueError: `cls` does not take a given argument, or refuses a value.
    """
    parameters = inspect.signature(cls).parameters
    valid = arguments_of(cls)
    typed = [name for name in valid if name not in offered]
    for name in given:
        if name in offered:
            raise ValueError(f"{key}.{name} is set by another key of the configuration; got {given[name]!r} here.")
        if name not in valid and not takes_any(cls):
            raise ValueError(
                f"{key}.{name} is not an argument of {cls.__name__}, which takes {', '.join(typed) or 'none'}."
                f"{did_you_mean(name, typed)}"
            )
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    for name in needed:
        if name not in given and name not in offered:
            raise ValueError(f"{key}.{name} must be given: {cls.__name__} has no default for it; got {dict(given)}.")
    ready = {name: value for name, value in offered.items() if name in valid}
    return cls(**ready, **{name: _tensor(value, parameters.get(name)) for name, value in given.items()})


def constructed(cls: Any, key: str, given: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
    """The same for classes of other packages, whose own complaints are not all ValueErrors.

    Raises:
        ValueError: `cls` does not take a given argument or value.
    """
    try:
        return construct(cls, key, given, offered)
    except Exception as error:
        # Lightning's own for a wrong argument is named, not imported: importing it costs seconds.
        is_complaint = isinstance(error, COMPLAINTS) or type(error).__name__ == "MisconfigurationException"
        if not is_complaint or str(error).startswith(f"{key}."):
            raise
        complaint = error
    shown = ", ".join(f"{name}={value}" for name, value in given.items())
    raise ValueError(
        f"{key} must have arguments that {cls.__name__} takes; got {shown or 'none'}: {complaint}"
    ) from complaint


def _tensor(value: Any, parameter: inspect.Parameter | None) -> Any:
    """A list of numbers as a tensor, where a tensor is all that the class takes (betas are a tuple of either)."""
    annotation = None if parameter is None else parameter.annotation
    wants_tensor = annotation is Tensor or set(get_args(annotation)) == {Tensor, NoneType}
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return torch.tensor(value, dtype=torch.float32) if wants_tensor and is_list else value
