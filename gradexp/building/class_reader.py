"""Classes and functions by their dotted paths, read from their source: to answer a mistyped argument needs no torch."""

import ast
import difflib
from collections.abc import Sequence

from gradexp.building.class_source import ClassSource, class_at
from gradexp.building.modules import find_module
from gradexp.building.names import MissingNameError, Unreadable, public_names, resolve
from gradexp.building.signatures import Signature, named_parameters
from gradexp.rules import did_you_mean

MANY = 40


def read_class(target: str) -> ClassSource | None:
    """A class's source; None where it cannot be read without an import.

    Args:
        target: Dotted path, of where it is defined or of where it is imported to.

    Raises:
        ValueError: The module is not there, or has no such class.
    """
    try:
        found = resolve(target)
    except Unreadable:
        return None
    except MissingNameError as error:
        module, _, name = target.rpartition(".")
        raise MissingNameError(f"{error}.{did_you_mean(name, class_names(module, like=name))}") from error
    source = class_at(found.module, found.name)
    if source is None and isinstance(
        found.node, ast.FunctionDef | ast.Constant | ast.List | ast.Dict | ast.Tuple | None
    ):
        raise MissingNameError(f"{target} is no class")
    return source if source is not None and source.node is not None else None


def read_function(target: str) -> Signature | None:
    """What a function takes; None where it cannot be read without an import.

    Raises:
        ValueError: The module is not there, or has no such function.
    """
    try:
        found = resolve(target)
    except Unreadable:
        return None
    if not isinstance(found.node, ast.FunctionDef):
        return None
    named = {one.name: one for one in named_parameters(found.node, found.module, 0)}
    return Signature(named, found.node.args.kwarg is not None)


def class_names(module_name: str, bases: Sequence[str] = (), like: str = "") -> list[str]:
    """Public classes of a module, those that it imports too.

    Args:
        module_name: Dotted path.
        bases: Sub-classes of these alone; empty for all.
        like: Of a module of many names only those like this one are read, as each costs milliseconds.
    """
    module = find_module(module_name)
    names = public_names(module) if module is not None else []
    if like and len(names) > MANY:
        names = difflib.get_close_matches(like, names, n=5)
    read = {name: _read_quietly(f"{module_name}.{name}") for name in names}
    return [
        name
        for name, one in read.items()
        if one is not None and (not bases or (one.is_subclass(bases) is True and not one.is_abstract))
    ]


def has_many(module_name: str) -> bool:
    """Whether a module has more names than are read for a message."""
    module = find_module(module_name)
    return module is not None and len(public_names(module)) > MANY


def _read_quietly(target: str) -> ClassSource | None:
    try:
        return read_class(target)
    except MissingNameError:
        return None
