"""Objects from a configuration: only classes of trusted packages, only arguments they take."""

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

from gradexp.rules import arguments_of, did_you_mean, takes_any

T = TypeVar("T")


def trusted_class(target: str, base: type[T], trusted_packages: Sequence[str], key: str) -> type[T]:
    """The class that `target` names.

    Importing a module runs its code, and a configuration may come from a stranger's checkpoint: so a package that the
    user has not named is not imported.

    Args:
        target: Dotted path of the class.
        base: What it must be a sub-class of.
        trusted_packages: Top-level packages that may be imported.
        key: Key of the configuration that holds `target`, for messages.

    Raises:
        ValueError: The package is not trusted, there is no such class, or it is of another kind.
    """
    module_name, _, class_name = target.rpartition(".")
    package = target.partition(".")[0]
    if package not in trusted_packages:
        raise ValueError(
            f"{key} must name a class in a trusted package ({', '.join(trusted_packages)}); got {target}. "
            f"If you know its code, add trusted_packages=[{','.join([*trusted_packages, package])}]."
        )
    try:
        module = import_module(module_name or class_name)
    except ImportError as error:
        raise ValueError(f"{key} must name a class that can be imported; got {target} ({error}).") from error
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, base)) or inspect.isabstract(found):
        valid = [
            name
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, base)
            and value is not base
            and not inspect.isabstract(value)
        ]
        raise ValueError(
            f"{key} must name a {base.__name__}; got {target}.{did_you_mean(class_name, valid)} "
            f"{module_name} has {', '.join(sorted(valid)) or 'none'}."
        )
    return found


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
    valid, others = arguments_of(cls), takes_any(cls)
    for name in given:
        if name not in valid and not others:
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
    ready = {name: value for name, value in offered.items() if name in valid or others}
    return cls(**ready, **given)
