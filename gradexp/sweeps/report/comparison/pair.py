"""A comparison of two settings: its numbers and its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradexp.sweeps.plan.repeats import Repeat
from gradexp.verdicts.difference import LEVEL, Difference, Floats, paired, welch
from gradexp.verdicts.holm import holm, interval
from gradexp.verdicts.power import seeds_needed, smallest_gap
from gradexp.verdicts.superiority import superiority, superiority_interval
from gradexp.verdicts.verdict import Verdict, verdict

JUDGED = 3  # seeds, or folds, from which on there is a verdict
OPEN = (Verdict.WITHIN_NOISE, Verdict.CANNOT_TELL)  # verdicts that more seeds may settle
CHANCES = 5  # seeds from which on a chance to beat is given

Scores = Mapping[Repeat, float]


@dataclass(frozen=True)
class Pair:
    """Two settings, a and b.

    Attributes:
        a: Number of the first setting.
        b: Number of the second.
        n: Pairs of seeds; without pairing, the seeds of the side that has fewer. Here and below, where settings have
            several folds or splits, these count in place of seeds.
        paired: Whether runs of equal seeds were paired.
        difference: Mean of a minus mean of b.
        low: Lower end of the interval of the difference; None, as what follows, without a verdict.
        high: Upper end.
        p: Two-sided p-value of this comparison alone.
        p_holm: Adjusted for all comparisons.
        delta: Differences up to this size count as none.
        verdict: Of a beside b.
        smallest_gap: The true gap that these jobs tell with a probability of 80 %.
        gap: The gap that fresh seeds should find: that of the means, or delta if that is larger.
        seeds: How many fresh seeds a side find `gap` with a probability of 80 %: least, expected, most; of an open
            verdict.
        p_beats: The chance that a fresh run of a beats a fresh run of b, ties half; None for fewer than five seeds, and
            for folds, whose runs are not independent.
        p_beats_low: Lower end of its interval.
        p_beats_high: Upper end.
    """

    a: int
    b: int
    n: int
    paired: bool
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    delta: float | None = None
    verdict: Verdict | None = None
    smallest_gap: float | None = None
    gap: float | None = None
    seeds: tuple[int | None, int | None, int | None] | None = None
    p_beats: float | None = None
    p_beats_low: float | None = None
    p_beats_high: float | None = None


@dataclass(frozen=True)
class Entry:
    """A comparison before it is judged: the scores of both sides, and their difference if there are enough seeds."""

    a: int
    b: int
    one: Scores
    other: Scores
    difference: Difference | None
    n: int
    is_paired: bool
    value: float


def entry(
    a: int,
    b: int,
    one: Scores,
    other: Scores,
    *,
    may_pair: bool,
    grain: float,
    sampling: float,
    shared: tuple[float, float] = (0.0, 0.0),
) -> Entry:
    """The difference of two settings.

    Runs are paired where most seeds of the side that has fewer are common, and by these seeds alone.
    """
    common = [repeat for repeat in one if repeat in other]
    fewer = min(len(one), len(other))
    is_paired = may_pair and 0 < fewer <= 2 * len(common) and (len(common) >= JUDGED or len(common) == fewer)
    first, second = list(one.values()), list(other.values())
    if is_paired:
        first, second = [one[repeat] for repeat in common], [other[repeat] for repeat in common]
    n = min(len(first), len(second))
    found = None
    if n >= JUDGED:
        if is_paired:
            found = paired(first, second, grain, sampling, shared[0])
        else:
            found = welch(first, second, grain, sampling, shared)
    return Entry(a, b, one, other, found, n, is_paired, float(np.mean(first) - np.mean(second)))


def judged(
    entries: Sequence[Entry], comparisons: int, sign: int, delta: float | None, *, bonferroni: bool, shown: set[int]
) -> list[Pair]:
    """The comparisons of one sweep with their verdicts, adjusted together.

    Args:
        entries: The comparisons.
        comparisons: How many count, with those that are left out.
        sign: 1 where higher scores are better, else -1.
        delta: Differences up to this size count as none; None for the standard deviation over seeds of a pair.
        bonferroni: Whether comparisons are left out, so that only Bonferroni's adjustment is known.
        shown: Numbers of the settings whose comparisons get all numbers, which take a millisecond each.
    """
    known = [one for one in entries if one.difference is not None]
    pairs: dict[int, Pair] = {}
    if known:
        together = _together([one.difference for one in known if one.difference is not None])
        p = together.p
        p_holm = np.minimum(p * comparisons, 1.0) if bonferroni else holm(p)
        low, high = interval(together, p_holm, comparisons)
        for number, one in enumerate(known):
            numbers = float(low[number]), float(high[number]), float(p[number]), float(p_holm[number])
            is_shown = one.a in shown or one.b in shown
            pairs[id(one)] = _pair(one, numbers, comparisons, sign, delta, with_all=is_shown)
    return [pairs.get(id(one)) or Pair(one.a, one.b, one.n, one.is_paired, one.value) for one in entries]


def _pair(
    one: Entry,
    numbers: tuple[float, float, float, float],
    comparisons: int,
    sign: int,
    delta: float | None,
    *,
    with_all: bool,
) -> Pair:
    difference = one.difference
    assert difference is not None
    low, high, p, p_holm = numbers
    first, second = list(one.one.values()), list(one.other.values())
    if delta is None:
        delta = float(np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2))
    said = verdict(low, high, delta, sign)
    # What is within noise is settled further only by telling the gap that was seen; all else by telling delta too.
    gap = abs(one.value) if said == Verdict.WITHIN_NOISE else max(abs(one.value), delta)
    has_chance = min(len(first), len(second)) >= CHANCES and not difference.shared
    chance = superiority(first, second) if has_chance else None
    if chance is not None and sign < 0:
        chance = 1 - chance
    ends: tuple[float | None, float | None] = (None, None)
    if chance is not None and with_all:
        ends = superiority_interval(chance, len(first), len(second))
    return Pair(
        one.a,
        one.b,
        one.n,
        one.is_paired,
        one.value,
        low,
        high,
        p,
        p_holm,
        delta,
        said,
        smallest_gap(difference, LEVEL / comparisons) if with_all else None,
        gap if with_all else None,
        seeds_needed(difference, gap) if with_all and gap and said in OPEN else None,
        chance,
        *ends,
    )


def _together(differences: Sequence[Difference]) -> Difference:
    """Several differences as one of arrays [comparisons]."""

    def column(name: str) -> Floats:
        return np.array([float(getattr(one, name)) for one in differences])

    per_seed, parts = column("df_per_seed"), (column("sampling"), column("shared"))
    return Difference(column("value"), column("spread"), column("seeds"), column("df"), per_seed, False, *parts)
