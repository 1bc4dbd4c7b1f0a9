"""From a search's command to its space: intervals, ranges and lists of values, as Hydra writes them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from gradexp.sweeps.launch.axis_values import axis_values
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.repeats import KEYS
from gradexp.sweeps.search.space import Dimension

OF_SEARCH = ("sweep", "search", "compare", "hydra")  # sections whose keys have one value in a search
EXAMPLE = "'optimizer.lr=tag(log,interval(1e-4,1e-1))'"
TAGS = ("log", "int")


def read_space(typed: Collection[Override], axes: Mapping[str, Any], parser: OverridesParser) -> dict[str, Dimension]:
    """The space of a search, by key, with the plus signs that were typed.

    Args:
        typed: The overrides.
        axes: `sweep.axes` of the configuration, lists or texts such as "interval(0,1)"; typed keys replace them.
        parser: Parses such texts.

    Raises:
        ValueError: A key has no space, or one that cannot be searched; or there is no key.
    """
    names = {override.get_key_element().lstrip("+") for override in typed}
    lines = [_line(key, given) for key, given in axes.items() if key.lstrip("+") not in names]
    given = [*typed, *parser.parse_overrides(lines)]
    space = {one.get_key_element(): dimension(one) for one in given if one.is_sweep_override()}
    for key in space:
        name = key.lstrip("+")
        if name in KEYS:
            more = " search.seeds=3 gives each trial seeds of its own." if name == "seed" else ""
            raise ValueError(f"{name} must have one value in a search, which chooses settings by their means.{more}")
        if name.partition(".")[0] in OF_SEARCH:
            raise ValueError(f"{name} must have one value for all jobs.")
    if not space:
        raise ValueError(f"a search must have a space: keys with an interval or several values, such as {EXAMPLE}.")
    return space


def _line(key: str, given: Any) -> str:
    """An axis of the configuration as it is typed."""
    if isinstance(given, str):
        return f"{key}={given}"
    if isinstance(given, list) and given:
        return f"{key}={','.join(map(text, given))}" if len(given) > 1 else f"{key}=choice({text(given[0])})"
    raise ValueError(
        f"sweep.axes.{key} must be a list of values or an interval in a search, such as {EXAMPLE}; got {given!r}. "
        f"Type {key}=VALUE,VALUE in its place."
    )


def dimension(override: Override) -> Dimension:
    """The values that an override asks for.

    Raises:
        ValueError: They cannot be searched.
    """
    key, line, given = override.get_key_element(), override.input_line, override.value()
    if isinstance(given, IntervalSweep):
        return _interval(key, line, given)
    values = axis_values(override)
    if line is not None and "glob(" in line:
        raise ValueError(f"{key} must have its values listed in a search: {key}={','.join(values)}.")
    if isinstance(given, RangeSweep) and not given.shuffle:
        numbers = sorted(float(value) for value in values)
        assert given.step is not None
        if all(isinstance(one, int) for one in (given.start, given.stop, given.step)):
            return Dimension(int(numbers[0]), int(numbers[-1]), abs(int(given.step)))
        return Dimension(numbers[0], numbers[-1], abs(float(given.step)) if len(values) > 1 else None)
    return Dimension(choices=_different(key, values))


def _different(key: str, values: Sequence[str]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{key} must have different values; got {','.join(values)}.")
    return tuple(values)


def _interval(key: str, line: str | None, given: IntervalSweep) -> Dimension:
    low, high, tags = given.start, given.end, set(given.tags)
    if low is None or high is None or not low < high:
        raise ValueError(f"{key} must have an interval from a smaller to a larger number; got {line}.")
    if tags - set(TAGS):
        raise ValueError(f"{key} must have no other tags than {', '.join(TAGS)}; got {line}.")
    is_log = "log" in tags
    if is_log and low <= 0:
        raise ValueError(f"{key} must have an interval above 0 with the tag log; got {line}.")
    if "int" in tags or (isinstance(low, int) and isinstance(high, int)):
        if low != int(low) or high != int(high):
            raise ValueError(f"{key} must have an interval of whole numbers; got {line}.")
        return Dimension(int(low), int(high), log=is_log)
    return Dimension(float(low), float(high), log=is_log)
