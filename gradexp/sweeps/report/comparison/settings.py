"""The settings among jobs: what differs between them, seed and fold apart."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gradexp.configuration.files import read_hydra
from gradexp.configuration.hashes import ALL_LOCAL_KEYS
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.repeats import FOLDS, KEYS, Repeat
from gradexp.sweeps.report.results import Job
from gradexp.sweeps.report.unplanned import as_floats
from gradexp.untrusted import TypedLoader, check_plain

# Keys that describe the command, or what is measured, not what is trained.
NO_SETTING = (*KEYS, *ALL_LOCAL_KEYS, "name", "test", "target_score", "logger", "early_stopping.thresholds")
SHOWN = 3  # keys that tell settings apart whose command lines are equal


@dataclass(frozen=True)
class RunSetting:
    """The jobs that differ by seed and fold alone.

    Attributes:
        label: The setting, as it is typed.
        typed: The keys and values that tell it from the others, as they are typed.
        jobs: One for each seed and fold, with any status.
        repeated: How many further jobs repeat a seed; they are left out.
    """

    label: str
    typed: dict[str, str]
    jobs: dict[Repeat, Job]
    repeated: int

    @property
    def folds(self) -> int | None:
        """How many folds the runs are of; None without folds."""
        job = next(iter(self.jobs.values()))
        return job.config.get(FOLDS, job.settings.get(FOLDS))

    def count(self, status: str) -> int:
        """How many of the jobs have this status."""
        return sum(job.status == status for job in self.jobs.values())

    @property
    def lost(self) -> str:
        """How many of the jobs diverged and failed, in words; "" if none has."""
        return ", ".join(f"{count} {name}" for name in ("diverged", "failed") if (count := self.count(name)))

    def has(self, key: str, value: Any) -> bool:
        """Whether the setting has this value of a key, typed, by configuration, or as the option of a group."""
        job = next(iter(self.jobs.values()))
        sources: tuple[dict[str, Any], ...] = (_typed(job), job.config, _options(job))
        return any(_same(source[key], value) for source in sources if key in source)


def settings_of(jobs: Iterable[Job]) -> list[RunSetting]:
    """The settings, in the order of their first jobs; planned and running jobs are left out.

    Jobs of one multirun are of one setting if the same was typed for them (a callback may choose a rate by seed). Jobs
    of any folders are of one setting if the same configuration ran.
    """
    done = [job for job in jobs if job.status in ("completed", "diverged", "failed")]
    groups: list[list[Job]] = []
    known: dict[Any, int] = {}
    for job in done:
        typed = (job.folder.parent, _key({key: _value(line) for key, line in _setting(_typed(job)).items()}))
        ran = _key(_setting(job.config)) if job.config else None
        number = known.get(typed, known.get(ran, len(groups)) if ran else len(groups))
        if number == len(groups):
            groups.append([])
        groups[number].append(job)
        known.setdefault(typed, number)
        if ran:
            known.setdefault(ran, number)
    names = _names([group[0] for group in groups])
    return [_run_setting(typed, group) for typed, group in zip(names, groups, strict=True)]


def _run_setting(typed: dict[str, str], group: Sequence[Job]) -> RunSetting:
    jobs: dict[Repeat, Job] = {}
    for job in group:
        repeat = job.repeat
        if repeat not in jobs or (jobs[repeat].status != "completed" and job.status == "completed"):
            jobs[repeat] = job
    label = " ".join(f"{key}={value}" for key, value in typed.items())
    return RunSetting(label or "the same setting", typed, jobs, len(group) - len(jobs))


def _names(jobs: Sequence[Job]) -> list[dict[str, str]]:
    """What was typed for each of these jobs and not for all of them; what was typed for some only, by its default.

    Where that is equal, more of the configuration.
    """
    lines = [_setting(_typed(job)) for job in jobs]
    for key in dict.fromkeys(key for line in lines for key in line):
        if any(key not in line for line in lines):
            for line, job in zip(lines, jobs, strict=True):
                line |= _default(key, job) if key not in line else {}
    shared = {key for key in lines[0] if len({_key(_value(line.get(key))) for line in lines}) == 1} if lines[1:] else ()
    names = [{key: value for key, value in line.items() if key not in shared} for line in lines]
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        by_name[json.dumps(name)].append(number)
    for numbers in by_name.values():
        if len(numbers) > 1 or not names[numbers[0]]:
            for number, more in zip(numbers, _configured(jobs, numbers), strict=True):
                names[number] |= more
    return names


def _configured(jobs: Sequence[Job], numbers: Sequence[int]) -> list[dict[str, str]]:
    """A few keys of the configuration in which the jobs of these numbers differ from each other, or from all others."""
    configs = [_setting(jobs[number].config) for number in (numbers if len(numbers) > 1 else range(len(jobs)))]
    keys = dict.fromkeys(key for config in configs for key in config)
    values = {key: {json.dumps(config.get(key), default=str) for config in configs} for key in keys}
    differing = [key for key in keys if len(values[key]) > 1][:SHOWN]
    return [
        {key: text(_setting(jobs[number].config)[key]) for key in differing if key in jobs[number].config}
        for number in numbers
    ]


def _typed(job: Job) -> dict[str, str]:
    """Keys and values as they were typed for a job; those of a manifest's axes in their plain form."""
    lines = (line.lstrip("+").partition("=") for line in job.overrides if "=" in line and not line.startswith("~"))
    return {key: value for key, _, value in lines} | {key: text(value) for key, value in job.settings.items()}


def _default(key: str, job: Job) -> dict[str, str]:
    """The value of a key that was not typed: by the configuration, or the option of a group; empty if it has none."""
    source = job.config if key in job.config else _options(job)
    return {key: text(source[key])} if key in source else {}


def _options(job: Job) -> dict[str, Any]:
    """The option of each group, as Hydra has recorded them; empty where others have changed the record."""
    found: Any = read_hydra(job.folder)
    for part in ("hydra", "runtime", "choices"):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _setting(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in values.items()
        if key not in NO_SETTING and key.partition(".")[0] not in (*NO_SETTING, "hydra")
    }


def _same(one: Any, other: Any) -> bool:
    first, second = _value(one), _value(other)
    return type(first) is type(second) and bool(first == second)


def _key(content: Any) -> str:
    """Text that is equal for equal plain data, of whichever type its whole numbers are."""
    return json.dumps(as_floats(content), sort_keys=True, default=str)


def _value(typed: Any) -> Any:
    """A value as plain data, whether typed or read: 1e-2, 0.010 and 0.01 are equal."""
    if isinstance(typed, str):
        try:
            value = yaml.load(typed or "null", TypedLoader)
            check_plain(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            return typed
        return as_floats(value)
    return as_floats(typed)
