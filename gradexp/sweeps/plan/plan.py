"""The jobs that a sweep's command asks for, composed and checked."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig

from gradexp.configuration.check import check_config
from gradexp.configuration.hashes import ALL_LOCAL_KEYS, asked_hash
from gradexp.configuration.values import flat, plain, same
from gradexp.objective.monitor import Mode
from gradexp.sweeps.plan.manifest import PlannedJob

Compose = Callable[[list[str]], DictConfig]


@dataclass(frozen=True)
class Plan:
    """The jobs of a command.

    Attributes:
        settings: The part `sweep` of the configuration.
        name: Name of the experiment.
        monitor: Metric that the sweep ranks by.
        monitor_mode: "max" where a higher monitor is better, else "min".
        jobs: By the hash of the configuration asked for; they have no folders yet.
        common: Flat configuration that all jobs share.
        varying: Flat keys that differ between jobs.
    """

    settings: dict[str, Any]
    name: str
    monitor: str
    monitor_mode: Mode | None = None
    jobs: dict[str, PlannedJob] = field(default_factory=dict)
    common: dict[str, Any] = field(default_factory=dict)
    varying: set[str] = field(default_factory=set)


def add_jobs(
    plan: Plan,
    jobs: Iterable[tuple[list[str], dict[str, Any]]],
    stage: str,
    compose: Compose,
    at_default: Collection[tuple[str, ...]] = (),
) -> None:
    """Compose and check jobs, and add each to the plan once.

    Args:
        plan: The plan that the jobs are added to.
        jobs: The command line of each, and the values of its axes.
        stage: "grid" or "final".
        compose: Composes the configuration of a command line.
        at_default: The command lines whose values around a default are that default.

    Raises:
        ValueError: A job breaks a rule; the message says which job.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    for line, values in jobs:
        try:
            cfg = compose(line)
            check_config(cfg, line)
        except Exception as error:
            add_job(error, values)
            raise
        job = PlannedJob("", stage, line, values, tuple(line) in at_default)
        plan.jobs.setdefault(asked_hash(cfg, values), job)
        facts = {
            key: value
            for key, value in flat(plain(cfg)).items()
            if not key.startswith(("sweep.", "compare.", "export.")) and key not in ALL_LOCAL_KEYS
        }
        if not plan.common and not plan.varying:
            plan.common.update(facts)
        for key in plan.common.keys() | facts.keys():
            if not same(plan.common.get(key), facts.get(key)):
                plan.varying.add(key)
                plan.common.pop(key, None)


def add_job(error: Exception, values: Mapping[str, Any]) -> None:
    """Add to an error the values of the job that it is of."""
    if values:
        error.add_note(f"(In the job {', '.join(f'{key}={value}' for key, value in values.items())}.)")
