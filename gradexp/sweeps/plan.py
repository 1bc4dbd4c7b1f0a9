"""From a sweep's command to its jobs: what each is typed with, and the hash of what is asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gradexp.app.config_check import check_config
from gradexp.app.key_rules import KEY_RULES
from gradexp.building.kinds import CLASS_GROUPS
from gradexp.class_sections import TARGET, add_without_plus, check_rivals, rival, typed_sections
from gradexp.config import LOCAL_KEYS, LOCAL_TRAINER_KEYS, asked_hash, plain
from gradexp.monitor import Mode, monitor_mode, needs_mode
from gradexp.rules import SECTION, check
from gradexp.section_loader import CUSTOM
from gradexp.sweeps.axes import Axis, axis, spanned
from gradexp.sweeps.final_runs import check_final
from gradexp.sweeps.manifest import PlannedJob, flat, same

LOCAL = (*LOCAL_KEYS, *(f"trainer.{key}" for key in LOCAL_TRAINER_KEYS))

Compose = Callable[[list[str]], DictConfig]


@dataclass(frozen=True)
class Plan:
    """The jobs of a command.

    Attributes:
        settings: The part `sweep` of the configuration.
        name: Name of the experiment.
        monitor: Metric that the sweep ranks by.
        monitor_mode: "max" where more of it is better, else "min".
        jobs: By the hash of the configuration asked for; they have no folders yet.
        common: Flat configuration: what all the jobs share.
        varying: Flat keys that do differ.
    """

    settings: dict[str, Any]
    name: str
    monitor: str
    monitor_mode: Mode | None = None
    jobs: dict[str, PlannedJob] = field(default_factory=dict)
    common: dict[str, Any] = field(default_factory=dict)
    varying: set[str] = field(default_factory=set)


def make_plan(command: Sequence[str], params: Sequence[str], compose: "Composer", parser: OverridesParser) -> Plan:
    """The jobs that a command spans.

    Args:
        command: What was typed; of a key that is typed, a preset's axis gives way.
        params: Axes that the configuration brings along in `hydra.sweeper.params`.
        compose: Gives the configuration of a job's overrides.
        parser: Of Hydra's overrides.

    Raises:
        ValueError: The axes do not go together, or a job breaks a rule.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    parsed = parser.parse_overrides([*params, *command])
    typed = list({override.get_key_element(): override for override in parsed}.values())  # of a key, the last word
    fixed = [override for override in typed if not override.is_sweep_override()]
    base = compose([_line(override) for override in fixed])
    settings = cast(dict[str, Any], OmegaConf.to_container(base, resolve=True)).get("sweep")
    check("sweep", settings, SECTION)
    assert settings is not None
    for key, rule in KEY_RULES.items():
        if key.startswith("sweep."):
            check(key, settings.get(key.removeprefix("sweep.")), rule)
    for override in typed:
        if override.is_sweep_override() and _is_of_sweep(override):
            raise ValueError(f"{override.key_or_group} must have one value for all jobs; got {override.input_line}.")
    axes = [Axis(o.get_key_element(), _values(o)) for o in typed if o.is_sweep_override()]
    # Of a key that is typed, be it the option or the class of a group, a preset's axis gives way.
    keys = [override.get_key_element().lstrip("+") for override in typed]
    names = {*keys, *map(rival, keys)}
    axes += [axis(key, given) for key, given in settings["axes"].items() if key.lstrip("+") not in names]
    check_rivals([axis.name for axis in axes], keys)
    constants = [_line(override) for override in fixed if not _is_of_sweep(override)]
    if settings["final"] is not None:
        check_final(settings["final"])
        # The grid chooses; what chooses never sees the test part.
        constants = [*(line for line in constants if not line.startswith("test=")), "test=false"]

    def setting(key: str, job: Mapping[str, str]) -> str:
        # The options and classes that the job chooses, be it by an experiment, say which others it has.
        known = compose.groups(fixed)
        chosen = [
            f"{name}={value}"
            for name, value in job.items()
            if name.startswith("+") or name in known or name.endswith(f".{TARGET}")
        ]
        choices = compose.choices([*(_line(override) for override in fixed), *chosen])
        return str(choices[key] if key in choices else OmegaConf.select(base, key))

    combinations = spanned(axes, _groups(settings["zip"]), setting)
    for one in axes:
        # A table of several options is meant to have values for each; one of a single option is an exception for it.
        is_table = one.by in CLASS_GROUPS and len(one.values) > 1
        if is_table and any(one.key not in job and setting(str(one.by), job) == CUSTOM for job in combinations):
            raise ValueError(
                f"sweep.axes.{one.name} has no values for a class of one's own, only for {', '.join(one.values)}; type "
                f"{one.name}=VALUE,VALUE."
            )
    overrides = [[*constants, *(f"{key}={value}" for key, value in job.items())] for job in combinations]
    named = [{key.lstrip("+"): _parsed(parser, value) for key, value in job.items()} for job in combinations]
    plan = Plan(settings, str(base.name), str(base.monitor))
    add_jobs(plan, zip(overrides, named, strict=True), "grid", compose)
    first = plain(compose(overrides[0]))  # a metric may be an axis itself
    mode = monitor_mode(first)
    if mode is None:
        raise ValueError(needs_mode(plan.monitor, first["metrics"]))
    return replace(plan, monitor_mode=mode)


def add_jobs(plan: Plan, jobs: Iterable[tuple[list[str], dict[str, Any]]], stage: str, compose: "Composer") -> None:
    """Compose and check jobs, and take each into the plan once.

    Args:
        plan: Gets the jobs.
        jobs: What each is typed with, and the values of its axes.
        stage: "grid" or "final".
        compose: Gives their configurations.

    Raises:
        ValueError: A job breaks a rule; the message says which job.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    for line, values in jobs:
        cfg = compose(line)
        try:
            check_config(cfg, line)
        except ValueError as error:
            told = ", ".join(f"{key}={value}" for key, value in values.items())
            raise ValueError(f"{error}" + (f" (In the job {told}.)" if told else "")) from error
        plan.jobs.setdefault(asked_hash(cfg, values), PlannedJob("", stage, line, values))
        facts = {key: value for key, value in flat(cfg).items() if not key.startswith("sweep.") and key not in LOCAL}
        if not plan.common and not plan.varying:
            plan.common.update(facts)
        for key in plan.common.keys() | facts.keys():
            if not same(plan.common.get(key), facts.get(key)):
                plan.varying.add(key)
                plan.common.pop(key, None)


class Composer:
    """Composes each choice of options once, and puts plain values in as Hydra would: a fifth of a second less a job.

    Args:
        compose: Hydra's own composing.
        parser: Of Hydra's overrides.
    """

    def __init__(self, compose: Compose, parser: OverridesParser) -> None:
        self._compose = compose
        self._parser = parser
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration of a job, without Hydra's own part."""
        parsed = self._parser.parse_overrides(overrides)
        groups = self.groups(parsed)
        changes = [o for o in parsed if o.type is OverrideType.CHANGE and o.package is None]
        options = [o for o in changes if o.key_or_group in groups and not isinstance(o.value(), dict)]
        # A class decides what else is in its section, as an option does.
        plain = [o for o in changes if o.key_or_group not in groups and not typed_sections(o)]
        rest = [override for override in parsed if override not in plain]
        if any(_touch(one.key_or_group, other.key_or_group) for one in plain for other in rest if other not in options):
            plain, rest = [], parsed  # what is added or deleted and changed too goes by the order of both
        whole = self._whole([_line(override) for override in rest])
        cfg = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
        add_without_plus(plain, cfg)
        OmegaConf.set_struct(cfg, True)
        try:
            for override in plain:
                is_added = override.is_force_add()
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=is_added)
        except OmegaConfBaseException:
            self._compose(overrides)  # whose error names the key as Hydra does
            raise
        return cfg

    def groups(self, parsed: Iterable[Override]) -> Iterable[str]:
        """Names of the groups, with those that an experiment brings along."""
        added = [o for o in parsed if o.type is OverrideType.ADD and "." not in o.key_or_group]
        return self.choices([_line(override) for override in added]).keys()

    def choices(self, overrides: list[str]) -> dict[str, str | None]:
        """The option of each group."""
        return cast(dict[str, str | None], dict(self._whole(overrides).hydra.runtime.choices))

    def _whole(self, overrides: list[str]) -> DictConfig:
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        return self._composed[key]


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _is_of_sweep(override: Override) -> bool:
    return override.key_or_group.partition(".")[0] == "sweep"


def _values(override: Override) -> list[str]:
    if not override.is_discrete_sweep():
        raise HydraException(
            f"{override.get_key_element()} must have several values, such as 0.1,0.2 or range(1,4); an interval needs "
            f"hydra/sweeper=optuna; got {override.input_line}."
        )
    return list(override.sweep_string_iterator())


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


def _touch(one: str, other: str) -> bool:
    """Whether one of two keys is the other, or a part of it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
