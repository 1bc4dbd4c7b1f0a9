"""Short worked examples; every number is computed when it is printed, and held against autograd.

A topic is one file: ``task=explain topic=NAME`` calls the function NAME of the module NAME in this folder. Importing
this package imports none of them, so that their names are known without torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gradexp.by_file import function_named, names_in

if TYPE_CHECKING:
    from gradexp.explain.lesson import Lesson


def topic_names() -> list[str]:
    """What `topic` may be."""
    return names_in(__path__, shared="lesson")


def topic_named(name: str) -> "Callable[[Lesson], None]":
    """The topic of a name in `topic_names`."""
    found: Callable[[Lesson], None] = function_named(__name__, name)
    return found
