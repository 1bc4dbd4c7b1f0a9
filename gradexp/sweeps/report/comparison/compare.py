"""Compares settings: with a baseline named beforehand, with each other if there are two, else with the best found."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import stats

from gradexp.sweeps.plan.repeats import Unit, by_split, units_of
from gradexp.sweeps.report.comparison.pair import JUDGED, Entry, Pair, Scores, entry, judged
from gradexp.sweeps.report.comparison.samples import ACCURACY, TestSamples
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import RunSetting
from gradexp.verdicts.difference import LEVEL
from gradexp.verdicts.folds import mean_interval, shared_variance
from gradexp.verdicts.groups import two_groups

MOST = 150  # settings all pairs of which are compared; of more, only those with the best


@dataclass(frozen=True)
class Scored:
    """A setting with its scores.

    Attributes:
        setting: The setting.
        runs: The scores by seed, fold and seed of the split.
        scores: What is compared: the runs, or their means over the seeds on each split.
        folds: How many folds the scores are of; None where they are of seeds.
        low: Lower end of the 95 % interval of the mean, Student's; None for fewer than three seeds.
        high: Upper end.
        groups: The numbers of seeds in two groups, lower and upper, that the scores fall into; None for one group.
        test: Accuracies or whatever the test gives for this metric, as `scores`; empty if nothing was tested.
        samples: Which test samples the runs had right.
        unit: What its scores are counted by: seeds, or the folds or splits over whose seeds they are means.
    """

    setting: RunSetting
    runs: Scores
    scores: Scores
    folds: int | None
    low: float | None
    high: float | None
    groups: tuple[int, int] | None
    test: Scores
    samples: TestSamples
    unit: Unit

    @property
    def label(self) -> str:
        return self.setting.label

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.scores.values())))

    @property
    def spread(self) -> float | None:
        """Standard deviation over the scores; None for a single one."""
        return float(np.std(list(self.scores.values()), ddof=1)) if len(self.scores) > 1 else None


@dataclass(frozen=True)
class Sampled:
    """Two models, one run a setting, on a common test set: their difference in accuracy, and what 95 % adds to it."""

    a: int
    b: int
    difference: float
    reach: float


@dataclass(frozen=True)
class Comparison:
    """Settings compared by one metric.

    Attributes:
        metric: The metric.
        settings: Those with a score, best mean first; the reference, if it is not the best, keeps its place.
        lost: Settings without a score.
        reference: Number of the setting that the others are compared with.
        is_chosen: Whether the reference is the best found in the same jobs, so that all pairs count.
        comparisons: How many pairs count.
        pairs: All pairs that were compared, those with the reference first: it is the second, b, of each.
        sampled: Pairs with one run a side and a common test set.
        has_test_part: Whether the test set's own part is in the differences; None if the metric is not of a test.
    """

    metric: Metric
    settings: list[Scored]
    lost: list[RunSetting]
    reference: int
    is_chosen: bool
    comparisons: int
    pairs: list[Pair]
    sampled: list[Sampled] = field(default_factory=list)
    has_test_part: bool | None = None

    @property
    def unit(self) -> Unit | Literal["score"]:
        """What is counted; "score" where settings count by different units."""
        units = {one.unit for one in self.settings}
        return next(iter(units)) if len(units) == 1 else "score"

    @property
    def with_reference(self) -> list[Pair]:
        """The pairs with the reference."""
        return [pair for pair in self.pairs if self.reference in (pair.a, pair.b)]

    @property
    def has_repeats(self) -> bool:
        """Whether any setting has several scores, so that a table and a figure show more than a ranking."""
        return any(len(one.scores) > 1 for one in self.settings)

    @property
    def is_judged(self) -> bool:
        """Whether any pair has a verdict."""
        return any(pair.verdict is not None for pair in self.pairs)


def compare(
    settings: Sequence[RunSetting],
    metric: Metric,
    baseline: Mapping[str, Any] | None = None,
    delta: float | None = None,
) -> Comparison:
    """Compare settings by a metric.

    Args:
        settings: Two or more of them must have a score.
        metric: The metric.
        baseline: Keys and values of the setting that the others are compared with; None for the best found.
        delta: Differences up to this size count as none; None for one standard deviation over seeds.

    Raises:
        ValueError: Fewer than two settings have a score, or the baseline is none of them, or several.
    """
    grain = metric.grain(settings)
    able = [one for one in settings if metric.scores(one)]
    units = units_of(metric.scores(one) for one in able)
    scored = [_scored(one, metric, grain, unit) for one, unit in zip(able, units, strict=True)]
    if len(scored) < 2:
        found = f"one, {scored[0].label}" if scored else "none"
        lost = "; ".join(f"{one.label}: {one.lost or 'not measured'}" for one in settings if one not in able)
        without = f" Without it are {lost}." if lost else ""
        raise ValueError(f"compare.folders must hold two settings or more with {metric.name}; got {found}.{without}")
    # The best by the mean over its seeds; settings with fewer seeds than a verdict needs come last.
    most = min(JUDGED, max(len(one.scores) for one in scored))
    scored.sort(key=lambda one: (len(one.scores) < most, -metric.sign * one.mean))
    reference = 0 if baseline is None else _matching(scored, baseline)
    is_chosen = baseline is None and len(scored) > 2
    is_full = is_chosen and len(scored) <= MOST
    others = [number for number in range(len(scored)) if number != reference]
    # The reference is the second of a pair, as is the better mean where all are paired: a difference is of the first.
    if is_full:
        numbers = [(other, better) for better, other in itertools.combinations(range(len(scored)), 2)]
    else:
        numbers = [(other, reference) for other in others]
    is_accuracy = metric.name == ACCURACY
    entries = [_entry(scored, a, b, metric, grain) for a, b in numbers]
    judging = sum(one.difference is not None for one in entries)
    enough = sum(len(one.scores) >= JUDGED for one in scored)
    comparisons = max(judging, enough * (enough - 1) // 2 if is_chosen else 0, 1)
    pairs = judged(entries, comparisons, metric.sign, delta, bonferroni=is_chosen and not is_full, shown={reference})
    pairs.sort(key=lambda pair: reference not in (pair.a, pair.b))
    parts = [scored[one.a].samples.variance(scored[one.b].samples) for one in entries] if is_accuracy else []
    return Comparison(
        metric,
        scored,
        [one for one in settings if not metric.scores(one)],
        reference,
        is_chosen,
        comparisons,
        pairs,
        _sampled(scored, reference),
        None not in parts if is_accuracy else None,
    )


def _scored(setting: RunSetting, metric: Metric, grain: float, unit: Unit) -> Scored:
    runs = metric.scores(setting)
    test = Metric("test/" + metric.name.rpartition("/")[2], metric.sign).scores(setting)
    scores, test = (runs, test) if unit == "seed" else (by_split(runs), by_split(test))
    folds = setting.folds if unit != "seed" else None
    values = list(scores.values())
    low = high = None
    if len(values) >= JUDGED:
        low, high = mean_interval(values, grain, shared_variance(folds))
    return Scored(setting, runs, scores, folds, low, high, two_groups(values, grain), test, TestSamples(setting), unit)


def _matching(scored: Sequence[Scored], baseline: Mapping[str, Any]) -> int:
    """The number of the setting that has these values."""
    found = [n for n, one in enumerate(scored) if all(one.setting.has(key, value) for key, value in baseline.items())]
    if len(found) == 1:
        return found[0]
    given = ",".join(f"{key}={value}" for key, value in baseline.items())
    several = f"is {len(found)} settings: {'; '.join(scored[n].label for n in found[:4])}"
    labels = "; ".join(one.label for one in scored[:4])
    which = f"{several}. Name more keys" if found else f"is none of the settings: {labels}"
    raise ValueError(f"compare.baseline must be one of the settings; got {given}, which {which}.")


def _entry(scored: Sequence[Scored], a: int, b: int, metric: Metric, grain: float) -> Entry:
    one, other = scored[a], scored[b]
    # Runs of one seed share their split; of the test part, which is the same for all, runs on one split share more.
    may_pair = one.unit == other.unit and (not metric.is_of_test or one.unit != "seed")
    return entry(
        a,
        b,
        one.scores,
        other.scores,
        may_pair=may_pair and one.setting.folds == other.setting.folds,
        grain=grain,
        sampling=(one.samples.variance(other.samples) if metric.name == ACCURACY else None) or 0.0,
        shared=(shared_variance(one.folds), shared_variance(other.folds)),
    )


def _sampled(scored: Sequence[Scored], reference: int) -> list[Sampled]:
    """The pairs with the reference of which either side has one run, on a common test set."""
    found = []
    for number, one in enumerate(scored):
        pair = (one, scored[reference])
        if number == reference or any(len(side.runs) != 1 for side in pair):
            continue
        variance = one.samples.variance(scored[reference].samples)
        if variance is not None:
            reach = float(stats.norm.isf(LEVEL / 2)) * variance**0.5
            found.append(Sampled(number, reference, one.samples.difference(scored[reference].samples), reach))
    return found
