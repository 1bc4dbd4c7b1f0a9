"""The tags of scalars that are no metrics, as TensorBoard has them.

Its tab HPARAMS has a column for each scalar, sorted by tag, of which it shows the first few. All curves have tags after
those that start with ``best/`` and ``test/``, so that the scores come first.
"""

from collections.abc import Mapping
from typing import get_args

from gradexp.rules import Quantity

RATE = "train/lr"
OF_WEIGHTS = "weights/"  # starts the tags of numbers by layer or parameter
FAMILIES = {"parameter", *get_args(Quantity)} - {"histograms"}


def of_weights(values: Mapping[str, float]) -> dict[str, float]:
    """Values by their tags, given by FAMILY/NAME."""
    return {OF_WEIGHTS + name: value for name, value in values.items()}


def tag_today(tag: str) -> str:
    """What a scalar is called now: earlier event files have "lr", and tags of weights without their first part."""
    if tag == "lr":
        return RATE
    family, is_family, _ = tag.partition("/")
    return OF_WEIGHTS + tag if is_family and family in FAMILIES else tag


def family_of(tag: str) -> str:
    """The family of a tag of weights, such as "grad_norm"; "" for any other tag."""
    family = tag.removeprefix(OF_WEIGHTS).partition("/")[0]
    return family if tag.startswith(f"{OF_WEIGHTS}{family}/") and family in FAMILIES else ""
