"""Axes of a sweep and the jobs that they span: products, zipped axes, and values that depend on another axis."""

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gradexp.rules import POSITIVE

MAX_JOBS = 100_000  # of a sweep: planning so many takes minutes, and a range can ask for more than memory holds
PLAIN = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
TIMES = "default_times"  # of an axis: its values are the job's own value, with nothing typed, times these factors


@dataclass(frozen=True)
class Axis:
    """The values of one key in a sweep.

    Attributes:
        key: As in an override, such as "optimizer.lr" or "+model.alpha".
        values: In the language of overrides; for an axis that depends on another key, by that key's value.
        by: The key that the axis depends on; None for the same values everywhere.
        times: Factors of the value that a job has without this axis, which give its values where `values` has none.
    """

    key: str
    values: Mapping[str, Sequence[str]] | Sequence[str]
    by: str | None = None
    times: Sequence[float] = ()

    @property
    def name(self) -> str:
        """The key without its plus signs."""
        return self.key.lstrip("+")

    @property
    def depends_on(self) -> str | None:
        """What its values depend on, in words; None for the same values everywhere."""
        return self.by if self.by is not None or not self.times else "its default"

    def around(self, default: float) -> list[str]:
        """The default times each factor, in four digits; the default itself as it is."""
        return [text(default if factor == 1 else float(f"{default * factor:.4g}")) for factor in self.times]


def axis(key: str, given: Any) -> Axis:
    """An axis from the configuration.

    It is a list of values; or {other key: {its value: list of values}}; or {default_times: list of factors}; or both of
    the latter, and the factors give the values of jobs that are not in the table.

    Raises:
        ValueError: It has none of these forms.
    """
    if isinstance(given, list) and given:
        return Axis(key, [text(value) for value in given])
    rest = dict(given) if isinstance(given, dict) else {}
    times = rest.pop(TIMES, [])
    by, table = next(iter(rest.items()), (None, {}))
    has_times = isinstance(times, list) and all(map(POSITIVE.holds, times)) and (times or rest) and len(rest) <= 1
    has_table = isinstance(table, dict) and all(isinstance(values, list) and values for values in table.values())
    if has_times and has_table and (table or by is None):
        values = {str(name): [text(value) for value in values] for name, values in table.items()}
        return Axis(key, values, None if by is None else str(by), tuple(dict.fromkeys(times)))
    raise ValueError(
        f"sweep.axes.{key} must be a list of values, or {{OTHER_KEY: {{VALUE: LIST, ...}}}} where they depend on "
        f"another key, or {{{TIMES}: LIST}} with factors above 0 of what each job has by default; got {given!r}."
    )


def typed(settings: Mapping[str, Any]) -> str:
    """Keys and values as they would be typed."""
    return " ".join(f"{key}={text(value)}" for key, value in settings.items())


def text(value: Any) -> str:
    """A value in the language of Hydra's overrides."""
    if isinstance(value, str):
        is_plain = PLAIN.fullmatch(value) and value.lower() not in ("null", "true", "false", "nan", "inf")
        return value if is_plain else _quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{text(key)}:{text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(text, value)) + "]"
    return json.dumps(value)


def _quoted(value: str) -> str:
    """In single quotes; a quote gets a backslash, and backslashes before a quote are doubled (Hydra's grammar)."""
    escaped = re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value)
    return f"'{escaped}'"


def _no_default(key: str, job: Mapping[str, str]) -> float:
    raise ValueError(f"sweep.axes.{key} must have values: there is no default that they are multiples of.")


def spanned(
    axes: Sequence[Axis],
    zipped: Iterable[Sequence[str]],
    setting: Callable[[str, Mapping[str, str]], str],
    default: Callable[[str, Mapping[str, str]], float] = _no_default,
) -> list[dict[str, str]]:
    """The jobs that the axes span: every combination, with zipped axes varying together.

    Args:
        axes: In the order of the loops, the last one innermost.
        zipped: Groups of keys.
        setting: The value, in a job with these values, of a key that is not an axis but that an axis depends on.
        default: The number that a key has in a job with these values, if nothing is typed for it.

    Returns:
        For each job a value for each axis, in the language of overrides. An axis that depends on another key and has no
        values for it is left out.

    Raises:
        ValueError: Zipped keys are not axes, or differ in their number of values or in the key that they depend on; or
            the axes span too many jobs.
    """
    dependent = {axis.name: axis for axis in axes if axis.depends_on is not None}
    groups = [list(group) for group in zipped]
    own: list[list[str]] = []
    follow: list[list[str]] = []
    for group in groups:
        depends_on = {dependent[name].depends_on if name in dependent else None for name in group}
        if len(depends_on) > 1:
            found = ", ".join(
                f"{name} on {dependent[name].depends_on if name in dependent else 'none'}" for name in group
            )
            raise ValueError(f"sweep.zip must join axes that depend on the same key; {found}.")
        (own if depends_on <= {None} else follow).append(group)
    blocks = _blocks([axis for axis in axes if axis.name not in dependent], own)
    sizes = {", ".join(block[0]): len(block) for block in blocks if block}
    check_count(sizes)
    jobs: list[dict[str, str]] = []
    for combination in itertools.product(*blocks):
        job = {key: value for part in combination for key, value in part.items()}
        named = {key.lstrip("+"): value for key, value in job.items()}
        chosen = []
        for axis in dependent.values():
            values: Sequence[str] = []
            if axis.by is not None:
                assert isinstance(axis.values, Mapping)
                values = axis.values.get(named[axis.by] if axis.by in named else setting(axis.by, job), [])
            if axis.times and not values:
                values = axis.around(default(axis.name, job))
            chosen += [Axis(axis.key, values)] if values else []
        present = {axis.name for axis in chosen}
        choices = _blocks(chosen, [group for group in follow if present.intersection(group)])
        count = len(jobs) + math.prod(map(len, choices))
        if count > MAX_JOBS:
            raise ValueError(f"{', '.join(one.name for one in axes)} must span at most {MAX_JOBS:,} jobs; got more.")
        # Values that depend on an axis vary faster than the axis.
        jobs += [job | {k: v for part in further for k, v in part.items()} for further in itertools.product(*choices)]
    return jobs


def check_count(sizes: Mapping[str, int]) -> None:
    """Check how many jobs axes span, before any job is made.

    Args:
        sizes: The number of values of each axis.

    Raises:
        ValueError: They span more than MAX_JOBS.
    """
    count = math.prod(sizes.values())
    if count > MAX_JOBS:
        found = ", ".join(f"{key} has {size:,} values" for key, size in sizes.items())
        raise ValueError(
            f"{', '.join(sizes)} must span at most {MAX_JOBS:,} jobs; got {shown(count)}: {found}. "
            "Type fewer values, or search with hydra/sweeper=optuna."
        )


def shown(count: int) -> str:
    """A count, in short if it is beyond what anybody reads digit by digit."""
    return f"{count:,}" if count < 10**15 else f"{Decimal(count):.1e}"


def _blocks(axes: Sequence[Axis], groups: list[list[str]]) -> list[list[dict[str, str]]]:
    """The factors of the product: single axes, and zipped axes with their values side by side."""
    by_name = {axis.name: axis for axis in axes}
    group_of: dict[str, list[str]] = {}
    for group in groups:
        for name in group:
            if name in by_name and name not in group_of:
                group_of[name] = group
                continue
            rule = "must name each axis once" if name in group_of else "must name axes, keys with several values"
            raise ValueError(f"sweep.zip {rule}; got {name}. The axes are {', '.join(by_name) or 'none'}.")
    blocks, taken = [], set[str]()
    for axis in axes:
        if axis.name in taken:
            continue
        members = [by_name[name] for name in group_of.get(axis.name, [axis.name])]
        taken |= {member.name for member in members}
        lengths = {member.name: len(member.values) for member in members}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"sweep.zip must join axes with equally many values; {found}.")
        keys = [member.key for member in members]
        blocks.append([dict(zip(keys, row, strict=True)) for row in zip(*(m.values for m in members), strict=True)])
    return blocks
