"""Which classes a configuration may name; importing a module runs its code, and a configuration may be untrusted."""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from gradexp.building.class_reader import class_names
from gradexp.building.kinds import KINDS, Kind
from gradexp.rules import did_you_mean, shown

OWN_PACKAGE = "gradexp"
FUNCTIONS = ("activation", "init")  # arguments of models that may be dotted paths, and kinds


def check_trusted(target: Any, kind: Kind, trusted_packages: Sequence[str], key: str) -> None:
    """Check that the dotted path of a class, given under `key`, is in a package that may be imported.

    Raises:
        ValueError: It is not a dotted path, or its package is not trusted.
    """
    if not isinstance(target, str) or not _is_dotted_path(target):
        hint = _with_module(target, kind) if isinstance(target, str) else ""
        raise ValueError(
            f"{key} must be the dotted path of {kind.noun}, package.module.Class; got {shown(target)}.{hint}"
        )
    package = target.partition(".")[0]
    if package in trusted_packages or any(target.startswith(f"{module}.") for module in kind.trusted):
        return
    trusted = [*trusted_packages, *kind.trusted]
    noun = "a class" if kind.bases else kind.noun
    raise ValueError(
        f"{key} must name {noun} in a trusted package ({', '.join(trusted)}); got {target}. "
        f"If you know its code, add trusted_packages=[{','.join([*trusted_packages, package])}]."
    )


def _with_module(name: str, kind: Kind) -> str:
    """' Did you mean X?' for a class's name without its module, of those that are trusted for its kind."""
    for module in kind.trusted:
        near = did_you_mean(name, class_names(module, kind.bases, like=name))
        if near:
            return near.replace("mean ", f"mean {module}.")
    return ""


def foreign_packages(settings: Mapping[str, Any], trusted_packages: Sequence[str] = (OWN_PACKAGE,)) -> dict[str, str]:
    """Packages of the classes and functions that settings name, without those that are trusted for their kind.

    Args:
        settings: A configuration as plain data, or a part of it by flat keys.
        trusted_packages: Packages that the user trusts.

    Returns:
        For each package, the first key that names it, with its value.
    """
    found: dict[str, str] = {}
    for key, target in _dotted_paths("", settings):
        parts = key.split(".")
        kind = KINDS.get(parts[-1] if parts[0] == "model" and parts[-1] in FUNCTIONS else parts[0])
        is_known = kind is not None and target.startswith(tuple(f"{module}." for module in kind.trusted))
        package = target.partition(".")[0]
        if package not in trusted_packages and not is_known:
            found.setdefault(package, f"{key}={target}")
    return found


def _dotted_paths(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each dotted path under a key that names a class or a function, with its key."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _dotted_paths(f"{key}.{name}".lstrip("."), item)
    elif isinstance(value, list):
        is_name = _names_code(key)
        for place, item in enumerate(value):
            yield from _dotted_paths(key if is_name else f"{key}.{place}", item)
    elif isinstance(value, str) and _names_code(key) and _is_dotted_path(value):
        yield key, value


def _is_dotted_path(target: str) -> bool:
    return "." in target and all(part.isidentifier() for part in target.split("."))


def _names_code(key: str) -> bool:
    """Whether the value of a key may name a class or a function."""
    name = key.rpartition(".")[2]
    is_function = key in [f"model.{function}" for function in FUNCTIONS] or name.endswith(("_lambda", "_fn"))
    return name == "_target_" or is_function


def trusted_class(target: Any, kind: str, trusted_packages: Sequence[str] = (OWN_PACKAGE,), key: str = "") -> Any:
    """Import the class that a dotted path names, from a trusted package or a module that is trusted for its kind.

    Messages name the configuration key of the path, by default that of the kind's section.

    Raises:
        ValueError: The package is not trusted, there is no such class, or it is of another kind.
    """
    expected, key = KINDS[kind], key or f"{kind}._target_"
    check_trusted(target, expected, trusted_packages, key)
    module, class_name = _import_module_of(target, "a class", key)
    bases = tuple(base for name in expected.bases if (base := _imported(name)) is not None)

    def is_valid(cls: Any) -> bool:
        return inspect.isclass(cls) and issubclass(cls, bases) and cls not in bases and not inspect.isabstract(cls)

    cls = getattr(module, class_name, None)
    if not is_valid(cls):
        valid = [name for name, value in vars(module).items() if is_valid(value)]
        raise ValueError(
            f"{key} must name {expected.noun}; got {target}.{did_you_mean(class_name, valid)} "
            f"{target.rpartition('.')[0]} has {', '.join(sorted(valid)) or 'none'}."
        )
    return cls


def _import_module_of(target: str, noun: str, key: str) -> tuple[ModuleType, str]:
    """Import the module of a dotted path; returns it and the last name of the path."""
    module_name, _, name = target.rpartition(".")
    try:
        return import_module(module_name), name
    except ImportError as error:
        raise ValueError(f"{key} must name {noun} that can be imported; got {target} ({error}).") from error


def _imported(name: str) -> Any:
    """A base class; None if its module is not imported, since no imported class can then be a sub-class of it."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None)


def trusted_function(target: Any, trusted_packages: Sequence[str], key: str, trusted: Sequence[str] = ()) -> Any:
    """Import the function that a dotted path names, from a trusted package or one of the modules `trusted`.

    Raises:
        ValueError: The package is not trusted, or there is no such function.
    """
    check_trusted(target, Kind("a function", (), tuple(trusted)), trusted_packages, key)
    module, name = _import_module_of(target, "a function", key)
    function = getattr(module, name, None)
    if not inspect.isroutine(function):
        valid = [name for name, value in vars(module).items() if inspect.isroutine(value) and not name.startswith("_")]
        raise ValueError(f"{key} must name a function; got {target}.{did_you_mean(name, valid)}")
    return function
