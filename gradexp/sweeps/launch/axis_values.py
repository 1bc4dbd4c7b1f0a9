"""The values of typed axes."""

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Glob, Override, RangeSweep
from hydra.errors import HydraException


def axis_values(override: Override) -> list[str]:
    """The values of an axis, in the language of overrides.

    Raises:
        ValueError: It has none, or infinitely many.
    """
    key, line = override.get_key_element(), override.input_line
    if not override.is_discrete_sweep():
        raise ValueError(
            f"{key} must have several values, such as 0.1,0.2 or range(1,4); an interval needs hydra/sweeper=search; "
            f"got {line}."
        )
    given = override.value()
    if isinstance(given, RangeSweep) and not given.step:
        raise ValueError(f"{key} must have a range with a step above or below 0; got {line}.")
    try:
        values = list(override.sweep_string_iterator())
    except (HydraException, AttributeError) as error:
        raise ValueError(f"{key} must have values that can be listed; got {line}: {error}.") from error
    if not values:
        raise ValueError(f"{key} must have at least one value; got {line}, which has none.{_options(override)}")
    return values


def _options(override: Override) -> str:
    """What a pattern could have matched."""
    if not isinstance(override.value(), Glob) or override.config_loader is None:
        return ""
    group = override.key_or_group
    options = override.config_loader.get_group_options(group, ObjectType.CONFIG)
    return f" Options of {group}: {', '.join(options)}." if options else f" {group} is not a group of options."
