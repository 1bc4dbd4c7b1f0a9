"""Jobs of a sweep that another sweeper than the grid will span: enough of them to check every typed value."""

import itertools
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.types import IntervalSweep, Override

from gradexp.app.composer import Composer
from gradexp.building.kinds import CLASS_GROUPS
from gradexp.configuration.class_sections import TARGET
from gradexp.sweeps.launch.axis_values import axis_values
from gradexp.sweeps.plan.axes import check_count


def sampled_jobs(arguments: Sequence[str], composer: Composer, is_search: bool) -> Iterator[list[str]]:
    """The command lines of jobs in which each combination of options, and each other value, occurs once.

    Args:
        arguments: What was typed, and the sweeper's own parameters.
        composer: Composes and parses.
        is_search: Whether the sweeper draws from intervals, and does not know glob(...).

    Raises:
        ValueError: An axis has no values or is a pattern, or the axes span too many jobs.
    """
    typed = {override.get_key_element(): override for override in composer.parser.parse_overrides(list(arguments))}
    fixed = [str(override.input_line) for override in typed.values() if not override.is_sweep_override()]
    axes = {key: _lines(key, one, is_search) for key, one in typed.items() if one.is_sweep_override()}
    if not is_search:  # a search draws from the product, which may be of any size
        check_count({key: len(lines) for key, lines in axes.items()})
    groups = {*composer.groups([]), *CLASS_GROUPS}
    options = [lines for key, lines in axes.items() if key.startswith("+") or key in groups or key.endswith(TARGET)]
    others = [lines for lines in axes.values() if lines not in options]
    firsts = [lines[0] for lines in others]
    for combination in itertools.product(*options):
        yield [*fixed, *combination, *firsts]
    for place, lines in enumerate(others):
        for line in lines[1:]:
            yield [*fixed, *(lines[0] for lines in options), *firsts[:place], line, *firsts[place + 1 :]]


def _lines(key: str, override: Override, is_search: bool) -> list[str]:
    given = override.value()
    if is_search and isinstance(given, IntervalSweep):
        return [f"{key}={given.start}", f"{key}={given.end}"]
    values = axis_values(override)
    if is_search and override.input_line is not None and "glob(" in override.input_line:
        raise ValueError(f"{key} must have its values listed for this sweeper: {key}={','.join(values)}.")
    return [f"{key}={value}" for value in values]
