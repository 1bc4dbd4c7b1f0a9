"""From a sweep's command to its plan: which axes were typed, and which jobs they span."""

import functools
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from gradexp.building.kinds import CLASS_GROUPS
from gradexp.configuration.class_sections import CUSTOM, TARGET, check_rivals, rival
from gradexp.configuration.key_rules import KEY_RULES
from gradexp.configuration.values import plain
from gradexp.objective.monitor import monitor_mode, needs_mode
from gradexp.rules import SECTION, check, did_you_mean
from gradexp.sweeps.launch.axis_values import axis_values
from gradexp.sweeps.launch.default_number import default_number
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.plan.axes import Axis, axis, spanned, text
from gradexp.sweeps.plan.final_runs import check_final
from gradexp.sweeps.plan.plan import Plan, add_job, add_jobs

if TYPE_CHECKING:
    from rich.progress import Progress

MANY_JOBS = 1_000  # checking them takes seconds, in which a command should not look hung


class Composer(Protocol):
    """Gives the configuration of a job; gradexp.app.composer has one."""

    parser: OverridesParser

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration that overrides give, without Hydra's own part."""

    def groups(self, parsed: Iterable[Override]) -> Collection[str]:
        """Names of the groups, with those that an experiment adds."""

    def choices(self, overrides: list[str]) -> Mapping[str, str | None]:
        """The option of each group."""


def make_plan(command: Sequence[str], compose: Composer) -> Plan:
    """The jobs that a command spans.

    Args:
        command: What was typed; a typed key replaces a preset's axis.
        compose: Composes the configuration of overrides.

    Raises:
        ValueError: The axes do not go together, or a job breaks a rule.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    parsed = compose.parser.parse_overrides(list(command))
    typed = list({override.get_key_element(): override for override in parsed}.values())  # the last value of a key
    fixed = [override for override in typed if not override.is_sweep_override()]
    fixed_lines = [_line(override) for override in fixed]
    base = _base(fixed_lines, [override for override in typed if override.is_sweep_override()], compose)
    settings = cast(dict[str, Any], OmegaConf.to_container(base, resolve=True)).get("sweep")
    check("sweep", settings, SECTION)
    assert settings is not None
    for key, rule in KEY_RULES.items():
        if key.startswith("sweep."):
            check(key, settings.get(key.removeprefix("sweep.")), rule)
    for override in typed:
        if override.is_sweep_override() and _is_of_sweep(override):
            raise ValueError(f"{override.key_or_group} must have one value for all jobs; got {override.input_line}.")
    axes = [Axis(o.get_key_element(), axis_values(o)) for o in typed if o.is_sweep_override()]
    # A typed key, be it the option or the class of a group, replaces a preset's axis.
    keys = [override.get_key_element().lstrip("+") for override in typed]
    names = {*keys, *map(rival, keys)}
    axes += [axis(key, given) for key, given in settings["axes"].items() if key.lstrip("+") not in names]
    check_rivals([axis.name for axis in axes], keys)
    constants = [_line(override) for override in fixed if not _is_of_sweep(override)]
    if settings["final"] is not None:
        check_final(settings["final"])
        # The grid chooses settings, so it never sees the test part.
        constants = [*(line for line in constants if not line.startswith("test=")), "test=false"]

    groups = set(compose.groups(fixed))

    def chosen(job: Mapping[str, str]) -> list[str]:
        # The options and classes that the job chooses, also by an experiment, decide the options of other groups.
        own = [f"{name}={value}" for name, value in job.items() if name.startswith("+") or _chooses(name, groups)]
        return [*fixed_lines, *own]

    def setting(key: str, job: Mapping[str, str]) -> str:
        choices = compose.choices(chosen(job))
        return str(choices[key] if key in choices else OmegaConf.select(base, key))

    composed = functools.cache(lambda lines: compose(list(lines)))

    def default(key: str, job: Mapping[str, str]) -> float:
        try:
            return default_number(composed(tuple(chosen(job))), key)
        except ValueError as error:
            add_job(error, job)
            raise

    combinations = spanned(axes, _groups(settings["zip"]), setting, default)
    for one in axes:
        _check_options(one, groups, compose)
        # A table of several options must have values for each; a table of one option is an exception for that option.
        is_table = one.by in CLASS_GROUPS and len(one.values) > 1 and not one.times
        if is_table and any(one.key not in job and setting(str(one.by), job) == CUSTOM for job in combinations):
            raise ValueError(
                f"sweep.axes.{one.name} has no values for a custom class, only for {', '.join(one.values)}; type "
                f"{one.name}=VALUE,VALUE."
            )
    overrides = [[*constants, *(f"{key}={value}" for key, value in job.items())] for job in combinations]
    # Parsed one by one as they are checked: 100,000 values take half a minute.
    value_of = functools.cache(lambda value: _parsed(compose.parser, value))
    named = ({key.lstrip("+"): value_of(value) for key, value in job.items()} for job in combinations)
    around = [one for one in axes if one.times]
    at_default = {
        tuple(line)
        for line, job in zip(overrides, combinations, strict=True)
        if around and all(job.get(one.key) == text(default(one.name, job)) for one in around)
    }
    plan = Plan(settings, str(base.name), str(base.monitor))
    with _progress(len(overrides)) as bar:
        jobs = bar.track(zip(overrides, named, strict=True), total=len(overrides), description="checking the jobs")
        add_jobs(plan, jobs, "grid", compose, at_default)
    first = plain(compose(overrides[0]))  # a metric may be an axis itself
    mode = monitor_mode(first)
    if mode is None:
        raise ValueError(needs_mode(plan.monitor, first["metrics"]))
    return replace(plan, monitor_mode=mode)


def _progress(count: int) -> "Progress":
    """A bar for checking jobs, which takes some milliseconds a job; one line where there is no terminal."""
    from rich.progress import Progress  # here, as --help needs none

    lines = console(stderr=True)
    if count >= MANY_JOBS and not lines.is_terminal:
        lines.print(f"checking {count:,} jobs", markup=False, highlight=False, soft_wrap=True)
    is_drawn = count >= MANY_JOBS and lines.is_terminal and not lines.quiet
    return Progress(console=lines, transient=True, disable=not is_drawn)


def _base(lines: list[str], axes: Iterable[Override], compose: Composer) -> DictConfig:
    """The configuration of the overrides that all jobs share.

    If one of them is a key that only options of an axis have, the configuration has the first of these options.
    """
    try:
        return compose(lines)
    except HydraException:
        groups = compose.groups([])
        choosing = [one for one in axes if one.get_key_element().startswith("+") or _chooses(one.key_or_group, groups)]
        values = [[f"{one.get_key_element()}={value}" for value in axis_values(one)] for one in choosing]
        for options in itertools.product(*values):
            with suppress(HydraException):
                return compose([*lines, *options])
        raise


def _chooses(key: str, groups: Collection[str]) -> bool:
    """Whether the value of a key decides which other keys there are."""
    return key in groups or key.endswith(f".{TARGET}")


def _check_options(one: Axis, groups: Collection[str], compose: Composer) -> None:
    """Check that values by option are for options that exist: no job would have the others."""
    loader = compose.parser.config_loader
    if one.by is None or one.by not in groups or loader is None:
        return
    options = loader.get_group_options(one.by, ObjectType.CONFIG)
    for name in one.values:
        if name not in options:
            raise ValueError(
                f"sweep.axes.{one.name} must have values for options of {one.by}; got {name}, which is none."
                f"{did_you_mean(name, options)} Options of {one.by}: {', '.join(options)}."
            )


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _is_of_sweep(override: Override) -> bool:
    return override.key_or_group.partition(".")[0] == "sweep"


def _parsed(parser: OverridesParser, value: str) -> Any:
    """The value of a text in the language of overrides, as plain data."""
    parsed = parser.parse_override(f"key={value}").value()
    return str(parsed) if isinstance(parsed, str) else parsed


def _groups(given: Any) -> list[list[str]]:
    """`sweep.zip`: a list of keys, or several of them."""
    lists = [given] if given and all(isinstance(key, str) for key in given) else given
    if not all(
        isinstance(group, list) and len(group) > 1 and all(isinstance(k, str) for k in group) for group in lists
    ):
        raise ValueError(f"sweep.zip must be a list of two or more keys, or a list of such lists; got {given!r}.")
    return cast(list[list[str]], lists)
