"""Modules as text: where a name in them is defined, found without importing anything.

Importing torch costs seconds, and importing a stranger's module runs its code. So names are followed through the
source: definitions, `from .x import A as B`, `from .x import *`, and assignments such as `A = B`.
"""

import ast
import builtins
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

DEPTH = 30  # imports and assignments that a name is followed through; more of them are a circle


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` where the name is empty."""

    module: str
    name: str = ""


@dataclass(frozen=True, eq=False)
class Module:
    """A module's source.

    Attributes:
        name: Dotted.
        text: The source.
        is_package: Whether it is an `__init__.py`.
    """

    name: str
    text: str = field(repr=False)
    is_package: bool

    @functools.cached_property
    def names(self) -> Mapping[str, ast.AST | Import]:
        """What each top-level name is: a definition, an import, or the expression that is assigned to it."""
        try:
            body = ast.parse(self.text).body
        except (SyntaxError, ValueError):  # its import will say where
            return MappingProxyType({})
        return dict(_bindings(body, self))

    @functools.cached_property
    def stars(self) -> tuple[str, ...]:
        """Modules of which all public names are imported, the last first."""
        return tuple(item.module for item in reversed(self.names.values()) if _is_star(item))

    @functools.cached_property
    def is_dynamic(self) -> bool:
        """Whether it may have names that its source does not show."""
        signs = ("def __getattr__", "globals()", "sys.modules")
        return not self.names or any(sign in self.text for sign in signs)

    def defines_class(self, name: str) -> bool:
        """Whether it has the class, by its text alone: to parse a large file costs 16 ms, to search it 0.1 ms."""
        start = f"\nclass {name}"
        return any(start + end in self.text for end in "(:[")

    def exports(self, name: str) -> bool:
        """Whether `import *` takes a name along."""
        listed = self.names.get("__all__")
        if isinstance(listed, ast.List | ast.Tuple):
            return name in [item.value for item in listed.elts if isinstance(item, ast.Constant)]
        return listed is not None or not name.startswith("_")  # a list that is computed may hold anything


@dataclass(frozen=True)
class Found:
    """Where a name is defined: a class, a function, a value, or a module (then the name is empty)."""

    module: Module
    name: str

    @property
    def node(self) -> ast.AST | Import | None:
        return self.module.names.get(self.name)


class Missing(ValueError):
    """A module's source shows that it has no such name, or that there is no such module."""


class Unreadable(Exception):  # noqa: N818  # no error: what cannot be read is checked after the import
    """The source does not show it: compiled code, `__getattr__`, a computed value."""


def find_module(name: str) -> Module | None:
    """A module's source; None where there is none.

    Only the top-level package is searched for, which imports nothing; its parts are looked up in its folder, as
    `find_spec` of a part imports the package.
    """
    top, *parts = name.split(".")
    for folder in _folders(top):
        path = folder.joinpath(*parts)
        for file, is_package in ((path / "__init__.py", True), (path.with_name(f"{path.name}.py"), False)):
            if file.is_file():
                return _read(name, str(file), file.stat().st_mtime_ns, is_package)
    return None


def resolve(target: str) -> Found:
    """Where the name at the end of a dotted path is defined.

    Raises:
        Missing: There is no such module, or no such name in it.
        Unreadable: The source does not show it.
    """
    module_name, _, name = target.rpartition(".")
    module = find_module(module_name)
    if module is None:
        if not module_name or _is_compiled(module_name):
            raise Unreadable(target)
        raise Missing(f"there is no module {module_name}")
    return lookup(module, name)


def lookup(module: Module, name: str, depth: int = 0) -> Found:
    """Where a name of a module is defined.

    Raises:
        Missing: The module has no such name.
        Unreadable: The source does not show it.
    """
    if depth > DEPTH:
        raise Unreadable(f"{module.name}.{name} is defined in a circle")
    if module.defines_class(name):
        return Found(module, name)
    item = module.names.get(name)
    if isinstance(item, Import):
        return _follow(item, depth)
    if isinstance(item, ast.Name | ast.Attribute):
        return lookup_expression(module, item, depth + 1)
    if item is not None:
        return Found(module, name)
    for star in module.stars:
        source = find_module(star)
        if source is None:
            raise Unreadable(star)
        if source.exports(name):
            try:
                return lookup(source, name, depth + 1)
            except Missing:
                continue
    part = find_module(f"{module.name}.{name}") if module.is_package else None
    if part is not None:
        return Found(part, "")
    if module.is_dynamic:
        raise Unreadable(f"{module.name}.{name}")
    raise Missing(f"{module.name} has no {name}")


def lookup_expression(module: Module, expression: ast.expr, depth: int = 0) -> Found:
    """Where what a name or `module.name` in a module's source stands for is defined.

    Raises:
        Missing: There is no such name.
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
    """Names of a module, those from `import *` too, that do not begin with an underscore."""
    names = [name for name in module.names if not name.startswith(("_", "*"))]
    for star in module.stars if depth < DEPTH else ():
        source = find_module(star)
        if source is not None:
            names += [name for name in public_names(source, depth + 1) if source.exports(name)]
    return sorted(set(names))


def _follow(item: Import, depth: int) -> Found:
    module = find_module(item.module)
    if module is None:
        raise Unreadable(item.module)
    return lookup(module, item.name, depth + 1) if item.name else Found(module, "")


def _folders(top: str) -> list[Path]:
    """Where a top-level package or module lies, as folders of which `top` itself would be the path."""
    try:
        spec = PathFinder.find_spec(top) or find_spec(top)  # the second knows what an editable installation adds
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(location) for location in spec.submodule_search_locations]
    return [Path(spec.origin).with_suffix("")] if spec.origin and spec.origin.endswith(".py") else []


def _is_compiled(name: str) -> bool:
    """Whether a module exists otherwise than as source: a compiled one, or a folder of a namespace."""
    top, *parts = name.split(".")
    folders = _folders(top)
    if not folders and not parts:
        return find_spec(top) is not None
    paths = [folder.joinpath(*parts) for folder in folders]
    return any(path.is_dir() or path.with_name(path.name + suffix).exists() for path in paths for suffix in EXTENSION_SUFFIXES)


@functools.cache
def _read(name: str, path: str, changed: int, is_package: bool) -> Module:
    return Module(name, Path(path).read_text(encoding="utf-8", errors="replace"), is_package)


def _is_star(item: ast.AST | Import) -> bool:
    return isinstance(item, Import) and item.name == "*"


def _bindings(body: list[ast.stmt], module: Module) -> Iterator[tuple[str, ast.AST | Import]]:
    """Each top-level name with what it is bound to; of alternatives the first is last, so that it counts."""
    for statement in body:
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield statement.name, statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name, statement
            case ast.Import():
                for alias in statement.names:
                    yield alias.asname or alias.name.partition(".")[0], Import(alias.name if alias.asname else alias.name.partition(".")[0])
            case ast.ImportFrom():
                source = _absolute(statement, module)
                for alias in statement.names:
                    bound = f"*{source}" if alias.name == "*" else alias.asname or alias.name
                    yield bound, Import(source, alias.name)
            case ast.If():
                yield from _bindings(statement.orelse, module)
                yield from _bindings(statement.body, module)
            case ast.Try():
                for handler in statement.handlers:
                    yield from _bindings(handler.body, module)
                yield from _bindings([*statement.body, *statement.orelse, *statement.finalbody], module)
            case ast.With():
                yield from _bindings(statement.body, module)


def _absolute(statement: ast.ImportFrom, module: Module) -> str:
    """The module that `from ..x import y` means."""
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    parts = parts[: len(parts) - statement.level + module.is_package]
    return ".".join([*parts, *([statement.module] if statement.module else [])])
