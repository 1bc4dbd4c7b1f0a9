"""Finds where a name is defined, through imports, `import *` and assignments in any number of modules."""

import ast
import builtins
from dataclasses import dataclass

from gradexp.building.modules import Import, Module, find_module, is_compiled

DEPTH = 30  # imports and assignments that are followed; more count as a circle


@dataclass(frozen=True)
class Definition:
    """The module and name of a definition: of a class, a function or a value; the name is empty for a module."""

    module: Module
    name: str

    @property
    def node(self) -> ast.AST | Import | None:
        return self.module.names.get(self.name)


class MissingNameError(ValueError):
    """There is no such module, or its source has no such name."""


class Unreadable(Exception):  # noqa: N818  # not an error: such names are checked after the import
    """The source does not show the name: compiled code, `__getattr__`, a computed value."""


def resolve(target: str) -> Definition:
    """Where the name at the end of a dotted path is defined.

    Raises:
        MissingNameError: There is no such module, or no such name in it.
        Unreadable: The source does not show it.
    """
    module_name, _, name = target.rpartition(".")
    module = find_module(module_name)
    if module is None:
        if not module_name or is_compiled(module_name):
            raise Unreadable(target)
        raise MissingNameError(f"there is no module {module_name}")
    return lookup(module, name)


def lookup(module: Module, name: str, depth: int = 0) -> Definition:
    """Where a name of a module is defined.

    Raises:
        MissingNameError: The module has no such name.
        Unreadable: The source does not show it.
    """
    if depth > DEPTH:
        raise Unreadable(f"{module.name}.{name} is defined in a circle")
    if module.defines_class(name):
        return Definition(module, name)
    item = module.names.get(name)
    if isinstance(item, Import):
        return _follow(item, module, depth)
    if isinstance(item, ast.Name | ast.Attribute):
        return lookup_expression(module, item, depth + 1)
    if item is not None:
        return Definition(module, name)
    unreadable = ""
    for star in module.stars:
        source = find_module(star)
        if source is None:
            unreadable = star
            break
        if source.exports(name):
            try:
                return lookup(source, name, depth + 1)
            except MissingNameError:
                continue
    part = find_module(f"{module.name}.{name}") if module.is_package else None
    if part is not None:
        return Definition(part, "")
    if unreadable or module.is_dynamic:
        raise Unreadable(unreadable or f"{module.name}.{name}")
    raise MissingNameError(f"{module.name} has no {name}")


def lookup_expression(module: Module, expression: ast.expr, depth: int = 0) -> Definition:
    """Where a name, or `module.name`, in a module's source is defined.

    Raises:
        MissingNameError: There is no such name.
        Unreadable: The source does not show it.
    """
    if isinstance(expression, ast.Name):
        if expression.id not in module.names and hasattr(builtins, expression.id):
            raise Unreadable(expression.id)
        return lookup(module, expression.id, depth)
    if isinstance(expression, ast.Attribute):
        owner = lookup_expression(module, expression.value, depth)
        if not owner.name:
            return lookup(owner.module, expression.attr, depth + 1)
    raise Unreadable(ast.unparse(expression))


def public_names(module: Module, depth: int = 0) -> list[str]:
    """Names of a module, including those from `import *`, that do not begin with an underscore."""
    names = [name for name in module.names if not name.startswith(("_", "*"))]
    for star in module.stars if depth < DEPTH else ():
        source = find_module(star)
        if source is not None:
            names += [name for name in public_names(source, depth + 1) if source.exports(name)]
    return sorted(set(names))


def _follow(item: Import, importer: Module, depth: int) -> Definition:
    module = find_module(item.module)
    if module is None:
        raise Unreadable(item.module)
    if not item.name:
        return Definition(module, "")
    part = find_module(f"{item.module}.{item.name}") if module is importer else None  # a package's submodule
    return Definition(part, "") if part is not None else lookup(module, item.name, depth + 1)
