"""The values of typed axes."""

import math
from fractions import Fraction
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, RangeSweep, Sweep
from hydra.errors import HydraException

from gradexp.sweeps.plan.axes import MAX_JOBS, shown


def axis_values(override: Override) -> list[str]:
    """The values of an axis, in the language of overrides.

    Raises:
        ValueError: It has none, or more than the jobs of the largest sweep.
    """
    key, line = override.get_key_element(), override.input_line
    if not override.is_discrete_sweep():
        raise ValueError(
            f"{key} must have several values, such as 0.1,0.2 or range(1,4); an interval needs hydra/sweeper=optuna; "
            f"got {line}."
        )
    given = override.value()
    if isinstance(given, RangeSweep):
        _check_range(key, given, line)
    if isinstance(given, ChoiceSweep) and _has_sweep(given.list):
        raise ValueError(
            f"{key} must have a list of values, such as 0.1,0.2, or one range, such as range(1,4), and not both in "
            f"one; got {line}."
        )
    try:
        values = list(override.sweep_string_iterator())
    except (HydraException, AttributeError) as error:
        raise ValueError(f"{key} must have values that can be listed; got {line}: {error}.") from error
    if not values:
        raise ValueError(f"{key} must have at least one value; got {line}, which has none.{_options(override)}")
    return values


def _check_range(key: str, given: RangeSweep, line: str | None) -> None:
    """Check a range by the number of its values, before any of them is listed."""
    start, stop, step = given.start, given.stop, given.step
    if not all(
        isinstance(number, int) or (number is not None and math.isfinite(number)) for number in (start, stop, step)
    ):
        raise ValueError(f"{key} must have a range of finite numbers, such as range(1,4); got {line}.")
    assert start is not None
    assert stop is not None
    if not step:
        raise ValueError(f"{key} must have a range with a step above or below 0; got {line}.")
    count = math.ceil((Fraction(stop) - Fraction(start)) / Fraction(step))
    if count > MAX_JOBS:
        raise ValueError(f"{key} must have at most {MAX_JOBS:,} values; got {line}, which has {shown(count)}.")


def _has_sweep(given: Any) -> bool:
    """Whether a range, an interval, a choice or a pattern is among the values, or in one of them."""
    if isinstance(given, list | dict):
        return any(map(_has_sweep, given.values() if isinstance(given, dict) else given))
    return isinstance(given, Sweep | Glob)


def _options(override: Override) -> str:
    """What a pattern could have matched."""
    if not isinstance(override.value(), Glob) or override.config_loader is None:
        return ""
    group = override.key_or_group
    options = override.config_loader.get_group_options(group, ObjectType.CONFIG)
    return f" Options of {group}: {', '.join(options)}." if options else f" {group} is not a group of options."
