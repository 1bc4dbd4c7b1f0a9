"""The source of modules and the names in it, found without importing anything.

Importing torch takes seconds, and importing an untrusted module runs its code. Names are therefore followed through the
source: definitions, `from .x import A as B`, `from .x import *`, and assignments such as `A = B`.
"""

import ast
import functools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` if the name is empty."""

    module: str
    name: str = ""


@dataclass(frozen=True, eq=False)
class Module:
    """The source of a module with a dotted name; of a package, that of its `__init__.py`."""

    name: str
    text: str = field(repr=False)
    is_package: bool

    @functools.cached_property
    def names(self) -> Mapping[str, ast.AST | Import]:
        """Each top-level name with its definition, its import, or the expression assigned to it."""
        try:
            body = ast.parse(self.text).body
        except (SyntaxError, ValueError):  # importing the module reports it
            return MappingProxyType({})
        return dict(_bindings(body, self))

    @functools.cached_property
    def stars(self) -> tuple[str, ...]:
        """Modules imported with `*`, the last first."""
        imports = [item for item in self.names.values() if isinstance(item, Import)]
        return tuple(item.module for item in reversed(imports) if item.name == "*")

    @functools.cached_property
    def is_dynamic(self) -> bool:
        """Whether it may have names that its source does not define."""
        signs = ("def __getattr__", "globals()", "sys.modules")
        return not self.names or any(sign in self.text for sign in signs)

    def defines_class(self, name: str) -> bool:
        """Whether its text defines the class; parsing a large file takes 16 ms, searching the text 0.1 ms."""
        start = f"\nclass {name}"
        return any(start + end in self.text for end in "(:[")

    def exports(self, name: str) -> bool:
        """Whether `import *` imports the name."""
        listed = self.names.get("__all__")
        if isinstance(listed, ast.List | ast.Tuple):
            return name in [item.value for item in listed.elts if isinstance(item, ast.Constant)]
        return listed is not None or not name.startswith("_")  # a computed list may contain any name


def find_module(name: str) -> Module | None:
    """A module's source; None if it has none.

    Python's finders search for the top-level package alone. Its submodules are looked up in its folder, because
    `find_spec` of a submodule imports the package.
    """
    top, *parts = name.split(".")
    for folder in _folders(top):
        path = folder.joinpath(*parts)
        for file, is_package in ((path / "__init__.py", True), (path.with_name(f"{path.name}.py"), False)):
            if file.is_file():
                return _read(name, str(file), file.stat().st_mtime_ns, is_package)
    return None


def _folders(top: str) -> list[Path]:
    """The folders of a top-level package; for a module `top.py`, the path without its suffix."""
    key = (top, *sys.path)
    if key not in _found:
        folders = _searched(top)
        if not folders:  # it may be installed, or written, before the next call
            return []
        _found[key] = folders
    return _found[key]


_found: dict[tuple[str, ...], list[Path]] = {}  # by the package's name and sys.path


def _searched(top: str) -> list[Path]:
    try:
        spec = PathFinder.find_spec(top) or find_spec(top)  # the second finds editable installations
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(location) for location in spec.submodule_search_locations]
    return [Path(spec.origin).with_suffix("")] if spec.origin and spec.origin.endswith(".py") else []


def is_compiled(name: str) -> bool:
    """Whether a module exists without source: a compiled module, or the folder of a namespace package."""
    top, *parts = name.split(".")
    folders = _folders(top)
    if not folders and not parts:
        return find_spec(top) is not None
    paths = [folder.joinpath(*parts) for folder in folders]
    return any(
        path.is_dir() or path.with_name(path.name + suffix).exists() for path in paths for suffix in EXTENSION_SUFFIXES
    )


@functools.cache
def _read(name: str, path: str, changed: int, is_package: bool) -> Module:
    return Module(name, Path(path).read_text(encoding="utf-8", errors="replace"), is_package)


def _bindings(body: list[ast.stmt], module: Module) -> Iterator[tuple[str, ast.AST | Import]]:
    """Each top-level name and its value; alternatives come in reverse order, so that the first one counts."""
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
                    top = alias.name.partition(".")[0]
                    yield alias.asname or top, Import(alias.name if alias.asname else top)
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
    """The absolute name of the module in `from ..x import y`."""
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    parts = parts[: len(parts) - statement.level + module.is_package]
    return ".".join([*parts, *([statement.module] if statement.module else [])])
