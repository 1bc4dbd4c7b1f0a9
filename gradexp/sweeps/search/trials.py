"""The trials of a search by their scores: which are the best, and which of them need further seeds.

A trial is a setting, judged by the mean over the seeds of the search. All get one seed; the best few are raced: they
get the other seeds too. Only a trial with all seeds may be the best: of many trials with one seed each, the best by its
score is mostly the one with the luckiest seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

Scores = tuple[float, ...]  # one for each objective


@dataclass(frozen=True)
class Trial:
    """A setting that a search has tried.

    Attributes:
        number: From 0 on.
        params: Its values of the space.
        scores: By seed, those of the jobs that have ended; None for one that diverged or failed.
        pruned: After how many validations its first seed was cut short; 0 if it was not.
        failed: Whether one of its jobs failed.
    """

    number: int
    params: Mapping[str, Any]
    scores: Mapping[int, Scores | None]
    pruned: int = 0
    failed: bool = False

    @property
    def values(self) -> Scores | None:
        """The means over its seeds; None if it has none, or if one of them has no score."""
        found = [score for score in self.scores.values() if score is not None]
        if not found or len(found) < len(self.scores):
            return None
        return tuple(fmean(values) for values in zip(*found, strict=True))

    def has(self, seeds: Sequence[int]) -> bool:
        """Whether it has a score at all of these seeds."""
        return self.values is not None and not self.pruned and all(seed in self.scores for seed in seeds)


def in_order(trials: Sequence[Trial], signs: Sequence[int]) -> list[Trial]:
    """The trials with a score that were not cut short, best first.

    With several objectives by fronts, the trials that no other beats in all of them first; within a front by number.

    Args:
        trials: The trials.
        signs: For each objective 1 where higher is better, else -1.
    """
    able = [(trial, values) for trial in trials if (values := trial.values) is not None and not trial.pruned]
    if len(signs) == 1:
        return [trial for trial, values in sorted(able, key=lambda one: (-signs[0] * one[1][0], one[0].number))]
    ordered: list[Trial] = []
    while able:
        first = [one for one in able if not any(_dominates(other[1], one[1], signs) for other in able)]
        ordered += [trial for trial, _ in first]
        able = [one for one in able if one not in first]
    return ordered


def to_race(trials: Sequence[Trial], signs: Sequence[int], seeds: Sequence[int], best: int) -> list[Trial]:
    """Those of the best trials that lack seeds.

    Args:
        trials: The trials so far.
        signs: As for `in_order`.
        seeds: All seeds of the search.
        best: How many trials have all seeds at least.
    """
    return [trial for trial in in_order(trials, signs)[:best] if not trial.has(seeds)]


def winners(trials: Sequence[Trial], signs: Sequence[int], seeds: Sequence[int]) -> list[Trial]:
    """The best trial of those with all seeds; with several objectives those that no other beats in all of them."""
    able = [trial for trial in trials if trial.has(seeds)]
    if len(signs) == 1:
        return in_order(able, signs)[:1]
    return [one for one in able if not any(_dominates(other.values or (), one.values or (), signs) for other in able)]


def _dominates(one: Scores, other: Scores, signs: Sequence[int]) -> bool:
    """Whether one is at least as good in all objectives, and better in some."""
    gaps = [sign * (first - second) for sign, first, second in zip(signs, one, other, strict=True)]
    return all(gap >= 0 for gap in gaps) and any(gap > 0 for gap in gaps)
