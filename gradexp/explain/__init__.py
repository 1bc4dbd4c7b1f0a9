"""Short worked examples; every number is computed when it is printed, and held against autograd.

A topic is one file: ``task=explain topic=NAME`` calls the function NAME of the module NAME in this folder. Importing
this package imports none of them, so that their names are known without torch.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradexp.explain.lesson import Lesson

SHARED = ("lesson",)  # modules here that are no topic


def topic_names() -> list[str]:
    """What `topic` may be."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in SHARED)


def topic_named(name: str) -> "Callable[[Lesson], None]":
    """The topic of a name in `topic_names`."""
    found: Callable[[Lesson], None] = getattr(import_module(f"{__name__}.{name}"), name)
    return found
