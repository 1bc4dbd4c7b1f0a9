"""Classes and functions by dotted path, read from source: a mistyped argument is reported without importing torch."""

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
    """The source of a class, by its dotted path in any module that has it; None where it needs an import to be read.

    Raises:
        ValueError: There is no such module, or it has no such class.
    """
    try:
        definition = resolve(target)
    except Unreadable:
        return None
    except MissingNameError as error:
        module, _, name = target.rpartition(".")
        raise MissingNameError(f"{error}.{did_you_mean(name, class_names(module, like=name))}") from error
    source = class_at(definition.module, definition.name)
    if source is None and isinstance(
        definition.node, ast.FunctionDef | ast.Constant | ast.List | ast.Dict | ast.Tuple | None
    ):
        raise MissingNameError(f"{target} is no class")
    return source if source is not None and source.node is not None else None


def read_function(target: str) -> Signature | None:
    """A function's signature; None where it cannot be read without an import.

    Raises:
        ValueError: There is no such module, or it has no such function.
    """
    try:
        definition = resolve(target)
    except Unreadable:
        return None
    if not isinstance(definition.node, ast.FunctionDef):
        return None
    return Signature(named_parameters(definition.node, definition.module), definition.node.args.kwarg is not None)


def class_names(module_name: str, bases: Sequence[str] = (), like: str = "") -> list[str]:
    """Public classes of a module, including those that it imports.

    Args:
        module_name: The module.
        bases: Only sub-classes of these that are not abstract; empty for all classes.
        like: In a module with many names, only names similar to this one are read; each takes milliseconds.
    """
    module = find_module(module_name)
    names = public_names(module) if module is not None else []
    if like and len(names) > MANY:
        names = difflib.get_close_matches(like, names, n=5)
    found = []
    for name in names:
        try:
            source = read_class(f"{module_name}.{name}")
        except MissingNameError:
            continue
        if source is not None and (not bases or (source.is_subclass(bases) is True and not source.is_abstract)):
            found.append(name)
    return found


def has_many(module_name: str) -> bool:
    """Whether a module has more names than a message lists."""
    module = find_module(module_name)
    return module is not None and len(public_names(module)) > MANY
