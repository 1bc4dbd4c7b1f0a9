"""The space of a search: for each key an interval of numbers, or a list of values."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gradexp.untrusted import texts

DIGITS = 6  # of a number that is proposed: more only make labels long

Value = float | int | str
Params = dict[str, Value]  # by key; a value of a list as it is typed


@dataclass(frozen=True)
class Dimension:
    """The values of one key.

    Attributes:
        low: The smallest number; None for a list of values.
        high: The largest one.
        step: Between two numbers; None for all numbers between.
        log: Whether orders of magnitude are drawn evenly.
        choices: The values of a list, in the language of overrides.
    """

    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int)

    @property
    def words(self) -> str:
        """The values as a person reads them."""
        if self.low is None:
            return ", ".join(self.choices)
        step = f", in steps of {self.step}" if self.step is not None else ""
        return f"{self.low} to {self.high}" + ", logarithmic" * self.log + step

    @property
    def size(self) -> float:
        """How many values there are; infinite for an interval of real numbers."""
        if self.low is None or self.high is None:
            return len(self.choices)
        if self.step is None and not self.is_whole:
            return math.inf if self.low < self.high else 1
        return round((self.high - self.low) / (self.step or 1)) + 1

    def values(self) -> list[Value]:
        """All of them; there must be finitely many."""
        if self.low is None:
            return list(self.choices)
        step = self.step or 1
        return [self.rounded(self.low + number * step) for number in range(int(self.size))]

    def rounded(self, value: Value) -> Value:
        """A value that was proposed, with `DIGITS` digits and within the interval."""
        if self.low is None or self.high is None:
            return value
        assert not isinstance(value, str)
        if self.is_whole:
            return round(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def holds(self, value: Any) -> bool:
        """Whether it is a value of this dimension."""
        if self.low is None or self.high is None:
            return value in self.choices
        is_number = isinstance(value, int if self.is_whole else int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high


Space = Mapping[str, Dimension]


def size(space: Space) -> float:
    """How many settings there are."""
    return math.prod(dimension.size for dimension in space.values())


def settings(space: Space) -> Iterator[Params]:
    """All settings of a finite space."""
    for values in itertools.product(*(dimension.values() for dimension in space.values())):
        yield dict(zip(space, values, strict=True))


def as_plain(space: Space) -> dict[str, dict[str, Any]]:
    """The space as plain data."""
    return {key: asdict(dimension) | {"choices": list(dimension.choices)} for key, dimension in space.items()}


def from_plain(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Dimension]:
    """The space of `as_plain`.

    Raises:
        TypeError: It is none.
        KeyError: A key has no choices.
    """
    return {key: Dimension(**{**one, "choices": texts(one, "choices")}) for key, one in content.items()}
