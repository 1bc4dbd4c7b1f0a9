"""Packages in which every file defines one function of the file's name, such as topics and studies.

The names are read from the folder, before any file is imported.
"""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def names_in(folder: Iterable[str], shared: str) -> list[str]:
    """Names of the files of a package.

    Args:
        folder: The package's ``__path__``.
        shared: The module that the other files share, which is left out.
    """
    return sorted(module.name for module in iter_modules(folder) if module.name != shared)


def function_named(package: str, name: str) -> Any:
    """Import the file of a name in `names_in` and return its function."""
    return getattr(import_module(f"{package}.{name}"), name)
