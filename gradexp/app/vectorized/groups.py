"""Which jobs of a sweep train at once, which train alone, and what a user should know of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from gradexp.app.vectorized.shape import shape, why_alone
from gradexp.configuration.values import plain_without_hydra
from gradexp.rules.words import counted

MOST_KEYS = 5  # that a line names

Jobs = dict[int, DictConfig]


@dataclass(frozen=True)
class Groups:
    """The jobs of a sweep, by their numbers.

    Attributes:
        stacks: Those of one shape, by the shape.
        alone: Those that run one by one, by the reason.
    """

    stacks: dict[str, Jobs]
    alone: dict[str, Jobs]

    def lines(self, max_members: int | None) -> Iterator[str]:
        """What the user should know: which jobs run alone, and whether stacks are of any use.

        Args:
            max_members: As the user has set it.
        """
        for reason, jobs in self.alone.items():
            yield f"one by one: {counted(len(jobs), 'job')}, since batches of models do not support {reason}"
        lone = [form for form, jobs in self.stacks.items() if len(jobs) == 1]
        in_stacks = sum(map(len, self.stacks.values()))
        if len(lone) > 1 and 2 * len(lone) > in_stacks:
            keys = _differing([json.loads(form) for form in lone])
            named = ", ".join(keys[:MOST_KEYS]) + (f" and {len(keys) - MOST_KEYS} more" * (len(keys) > MOST_KEYS))
            yield (
                f"no gain: {len(lone)} of {in_stacks + sum(map(len, self.alone.values()))} jobs are alone in "
                f"their shape; they differ in {named}, which the jobs of a stack share"
            )
        if max_members is not None and all(len(jobs) == 1 for jobs in self.stacks.values()):
            yield f"hydra.launcher.max_members={max_members} has no effect: no jobs are trained at once"


def grouped(jobs: Mapping[int, DictConfig]) -> Groups:
    """Group jobs by their shapes, as far as their configurations tell.

    Args:
        jobs: Their configurations, with the section `hydra`, by number.
    """
    groups = Groups({}, {})
    for number, config in jobs.items():
        values = plain_without_hydra(config)
        reason = why_alone(values)
        of_kind = groups.stacks.setdefault(shape(values), {}) if reason is None else groups.alone.setdefault(reason, {})
        of_kind[number] = config
    return groups


def divided(group: Mapping[int, DictConfig], parts: int) -> list[Jobs]:
    """A group in parts of about equal size, in order."""
    items, number = list(group.items()), min(parts, len(group))
    bounds = [len(items) * n // number for n in range(number + 1)]
    return [dict(items[bounds[n] : bounds[n + 1]]) for n in range(number)]


def _differing(shapes: list[dict[str, Any]]) -> list[str]:
    """The keys whose values differ, in the order of the configuration."""
    keys = dict.fromkeys(key for values in shapes for key in values)
    return [key for key in keys if any(values.get(key) != shapes[0].get(key) for values in shapes)]
