"""Short worked examples, one topic per file; every printed number is computed, and compared with autograd.

``task=explain topic=NAME`` calls the function NAME of the module NAME in this folder. Importing this package imports
no topic, so that the names are known without importing torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gradexp.by_file import function_named, names_in

if TYPE_CHECKING:
    from gradexp.explain.lesson import Lesson


def topic_names() -> list[str]:
    """The valid values of `topic`."""
    return names_in(__path__, shared="lesson")


def topic_named(name: str) -> "Callable[[Lesson], None]":
    """The function of a topic in `topic_names`."""
    topic: Callable[[Lesson], None] = function_named(__name__, name)
    return topic
