"""Several batches that Lightning hands over as one, since its own work costs as much as a small model's step."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class StepGroup:
    """Batches for one step each, in order.

    Args:
        keys: What each of them is fetched by.
        fetch: From a key to a batch; called whenever the group is gone through.
    """

    def __init__(self, keys: Sequence[Any], fetch: Callable[[Any], Any] = lambda key: key) -> None:
        self._keys, self._fetch = keys, fetch

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Any]:
        return map(self._fetch, self._keys)


def single_batches(batch: Any) -> StepGroup:
    """The batches of what Lightning hands over, each for one step."""
    return batch if isinstance(batch, StepGroup) else StepGroup((batch,))


def group_bounds(batches: int, size: int, cut: int) -> list[int]:
    """Where the groups of an epoch begin and end, from 0 to `batches`.

    Args:
        batches: In the epoch.
        size: Of a group; the last one may be smaller.
        cut: A place between two batches where a group has to end, and with it the one before.
    """
    return sorted({*range(0, cut, size), *range(cut, batches, size), batches})
