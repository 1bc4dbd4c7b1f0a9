"""The plan of a search: what its jobs share, its space, and its rules, all checked before anything is written."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.types import Override

from gradexp.configuration.key_rules import KEY_RULES
from gradexp.configuration.values import plain
from gradexp.rules import check
from gradexp.sweeps.launch.command import Composer, base_config, chooses, is_of_sweep, typed_line
from gradexp.sweeps.launch.search_space import read_space
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.plan import Plan, add_jobs
from gradexp.sweeps.search.objectives import objectives
from gradexp.sweeps.search.space import Dimension, Space, as_plain

OWN_KEYS = ("seed", "test")  # that a job of a search sets itself


def plan_search(arguments: Sequence[str], compose: Composer) -> tuple[Plan, dict[str, Any]]:
    """What the jobs of a search share, and how it searches, as the manifest has it.

    Args:
        arguments: What was typed.
        compose: Composes the configuration of overrides.

    Raises:
        ValueError: The space or a key of `search` breaks a rule, or a job at an end of the space does.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    typed = _typed(arguments, compose)
    lines = [typed_line(one) for one in typed if not one.is_sweep_override()]
    base = base_config(lines, [one for one in typed if one.is_sweep_override()], compose)
    settings = plain(base)
    sweep, search = settings["sweep"], settings["search"]
    for key, rule in KEY_RULES.items():
        section, _, name = key.partition(".")
        if section in ("sweep", "search"):
            check(key, settings[section].get(name), rule)
    for key in ("zip", "final"):
        if sweep[key]:
            raise ValueError(f"sweep.{key} must go with a grid; a search has {key}={sweep[key]}.")
    if settings["task"] == "train" and settings["ckpt_path"] is not None and (search["seeds"] > 1 or search["fresh"]):
        raise ValueError(
            "search.seeds must be 1, and search.fresh 0, for trials that resume a run, which keeps its seed; got "
            f"{search['seeds']} and {search['fresh']}. Type search.seeds=1 search.fresh=0, or leave ckpt_path out."
        )
    space = read_space(typed, sweep["axes"], compose.parser)
    plan = Plan(sweep, str(base.name), str(base.monitor))
    fixed = fixed_lines(arguments, compose)
    groups = set(compose.groups([one for one in typed if not one.is_sweep_override()]))
    samples = [[*fixed, *line] for line in _sampled(space, groups)]
    try:
        add_jobs(plan, ((line, _values(line, len(fixed))) for line in samples), "grid", compose)
    except ValueError as error:
        error.args = (_for_whole_numbers(str(error), space),)
        raise
    plan.jobs.clear()
    for key in OWN_KEYS:
        plan.common.pop(key, None)
    plan.varying.update(OWN_KEYS, ("early_stopping.thresholds",))
    first = plain(compose(samples[0]))
    first["search"] = search
    wanted = objectives(first)
    found = {
        **{key: search[key] for key in ("sampler", "seed", "seeds", "trials", "race", "batch", "fresh")},
        "first_seed": int(base.seed),
        "raced": 0,  # rounds whose best few have got their seeds
        "pruning": _prunes(search["pruning"], len(wanted), first, space),
        "objectives": [{"metric": one.metric, "mode": one.mode} for one in wanted],
        "space": as_plain(space),
    }
    _check_sampler(search["sampler"], space, len(wanted))
    return replace(plan, monitor_mode=objectives({**first, "search": {"monitors": []}})[0].mode), found


def check_no_search(arguments: Sequence[str]) -> None:
    """Check that what was typed for another sweeper has no key of a search.

    Raises:
        ValueError: It has one.
    """
    typed = [line for line in arguments if line.lstrip("+~").startswith("search.")]
    if typed:
        raise ValueError(f"the keys of a search must go with hydra/sweeper=optuna; got {', '.join(typed)} without it.")


def fixed_lines(arguments: Sequence[str], compose: Composer) -> list[str]:
    """The overrides that all jobs share."""
    typed = [one for one in _typed(arguments, compose) if not one.is_sweep_override()]
    return [
        typed_line(one)
        for one in typed
        if not is_of_sweep(one) and one.key_or_group.partition(".")[0] not in ("search", *OWN_KEYS)
    ]


def _typed(arguments: Sequence[str], compose: Composer) -> Collection[Override]:
    """What was typed, of a key the last value."""
    return {one.get_key_element(): one for one in compose.parser.parse_overrides(list(arguments))}.values()


def _sampled(space: Space, groups: Collection[str]) -> Iterator[list[str]]:
    """Command lines in which each combination of options, and each other value or end of an interval, occurs once."""
    lines = {key: [f"{key}={value}" for value in _ends(one)] for key, one in space.items()}
    options = [found for key, found in lines.items() if key.startswith("+") or chooses(key, groups)]
    others = [found for found in lines.values() if found not in options]
    for combination in itertools.product(*options):
        yield [*combination, *(found[0] for found in others)]
    for place, found in enumerate(others):
        for line in found[1:]:
            rest = [other[0] for other in others]
            yield [*(option[0] for option in options), *rest[:place], line, *rest[place + 1 :]]


def _ends(one: Dimension) -> list[str]:
    return list(one.choices) if one.low is None else [text(value) for value in dict.fromkeys((one.low, one.high))]


def _values(line: Sequence[str], fixed: int) -> dict[str, str]:
    """The values of a sampled line, for the message of an error."""
    return {key.lstrip("+"): value for key, _, value in (one.partition("=") for one in line[fixed:])}


def _for_whole_numbers(said: str, space: Space) -> str:
    """The message of an error, with the interval of whole numbers if the key of an interval takes no others."""
    for key, one in space.items():
        low, high = one.low, one.high
        if (
            said.startswith(f"{key.lstrip('+')} must be a whole number")
            and isinstance(low, float)
            and isinstance(high, float)
            and low.is_integer()
            and high.is_integer()
        ):
            typed = f"int(interval({low:.0f},{high:.0f}))"
            hint = f'Type "{key}={f"tag(log,{typed})" if one.log else typed}" for whole numbers.'
            return f"{said.partition(' Did you mean ')[0]} {hint}"
    return said


def _prunes(asked: bool | str, objectives: int, config: Mapping[str, Any], space: Space) -> bool:
    """Whether trials may be cut short."""
    if asked is True and objectives > 1:
        raise ValueError("search.pruning must be false or auto with several search.monitors, which have no one order.")
    if asked is False or objectives > 1:
        return False
    if any(key.lstrip("+").partition(".")[0] == "scheduler" for key in space):
        return False
    if config["scheduler"].get("_target_") is None:
        return True
    from gradexp.objective.schedules import is_laid_out  # which imports torch

    return not is_laid_out(config["scheduler"], config["trusted_packages"])


def _check_sampler(sampler: str, space: Space, objectives: int) -> None:
    if sampler != "cmaes":
        return
    rule = "search.sampler must be tpe, qmc or random"
    lists = [key for key, one in space.items() if one.low is None]
    if lists:
        raise ValueError(f"{rule} for a space with lists of values, such as {lists[0]}; CMA-ES searches numbers.")
    if len(space) < 2:
        raise ValueError(f"{rule} for one key; CMA-ES needs two or more; got cmaes.")
    if objectives > 1:
        raise ValueError(f"{rule} for several search.monitors; CMA-ES has one objective; got cmaes.")
