"""What is in a batch: inputs and targets, and how many samples, of the package's own loaders or of the user's."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

INPUTS = ("inputs", "input", "x", "features", "image", "images", "pixel_values")
TARGETS = ("targets", "target", "y", "label", "labels")


def pair_of(batch: Any) -> tuple[Tensor, Tensor]:
    """The inputs [batch, ...] and targets [batch, ...] of a pair, or of a dict with one key for each.

    Raises:
        ValueError: The batch is neither, or its keys are not among `INPUTS` and `TARGETS`.
    """
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    if isinstance(batch, Mapping):
        inputs, targets = ([key for key in batch if key in names] for names in (INPUTS, TARGETS))
        if len(inputs) == len(targets) == 1:
            return batch[inputs[0]], batch[targets[0]]
        got = f"a dict with the keys {', '.join(map(str, batch))}"
    else:
        number = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        got = f"a {type(batch).__name__}{number}"
    raise ValueError(
        f"A batch must be a pair (inputs, targets), or a dict with one of the keys {', '.join(INPUTS)} and one of "
        f"{', '.join(TARGETS)}; got {got}. Change it in the data set, or in the data module's on_after_batch_transfer."
    )


def samples_in(batch: Any) -> int:
    """The number of samples in a batch of any structure: the length of the first tensor in it; 0 if it has none."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else 1
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else ()
    return next((number for number in map(samples_in, parts) if number), 0)
