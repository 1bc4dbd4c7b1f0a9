"""Packages in which every file is one thing of a kind, a function of the file's own name: topics, studies.

The names come from listing the folder, so that they are known before anything in it is imported.
"""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def names_in(folder: Iterable[str], shared: str) -> list[str]:
    """Names of the files of a package.

    Args:
        folder: The package's ``__path__``.
        shared: The module that the others share, which is none of them.
    """
    return sorted(module.name for module in iter_modules(folder) if module.name != shared)


def function_named(package: str, name: str) -> Any:
    """The function of a name in `names_in`, whose file is imported now."""
    return getattr(import_module(f"{package}.{name}"), name)
