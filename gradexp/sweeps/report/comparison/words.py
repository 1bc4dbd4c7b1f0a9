"""A comparison in words: lines for the terminal and the page."""

from gradexp.sweeps.report.comparison.compare import Comparison, Scored
from gradexp.sweeps.report.comparison.next_command import MOST, MOST_SETTINGS, next_commands
from gradexp.sweeps.report.comparison.pair import JUDGED, OPEN, Pair

SHOWN = 10  # comparisons that are explained
FEW_SEEDS = "fewer than three seeds"


def number(value: float | None) -> str:
    """Four significant digits; nothing for None."""
    return "" if value is None else f"{value:.4g}"


def title(comparison: Comparison) -> str:
    """What is compared, by which metric."""
    way = "higher" if comparison.metric.sign > 0 else "lower"
    return f"{len(comparison.settings)} settings by {comparison.metric.name}, {way} is better"


def lines(comparison: Comparison) -> list[str]:
    """The verdicts, what they rest on, and what would settle the open ones."""
    found = [_rule(comparison)] if comparison.is_judged else []
    pairs = [pair for pair in comparison.with_reference if pair.verdict is not None]
    found += [_verdict(comparison, pair) for pair in pairs[:SHOWN]]
    if len(pairs) > SHOWN:
        found.append(f"and {len(pairs) - SHOWN} further settings, in the table")
    for one in comparison.sampled[:SHOWN]:
        a, b = comparison.settings[one.a].label, comparison.settings[one.b].label
        found.append(
            f"{a} and {b}: with one run each, these two models differ by {one.difference:+.4f} ± {one.reach:.4f} in "
            "test/accuracy on this test set (95 %); about the settings nothing can be said"
        )
    if not comparison.is_judged:
        found.append("no verdict: from three seeds on a difference is judged; add seed=0,1,2,3,4")
    elif any(len(one.scores) < JUDGED for one in comparison.settings):
        few = [one.label for one in comparison.settings if len(one.scores) < JUDGED]
        found.append(f"no verdict on {len(few)} settings with {FEW_SEEDS}: {_some(few)}")
    found += _remarks(comparison)
    return found


def _rule(comparison: Comparison) -> str:
    reference = comparison.settings[comparison.reference].label
    of_all = f"all {comparison.comparisons} pairs" if comparison.comparisons > 1 else "the pair"
    if comparison.is_chosen:
        return (
            f"{reference} was chosen as the best by these very numbers: so {of_all} are tested (Holm), and the "
            "intervals are as wide"
        )
    if comparison.comparisons > 1:
        return f"compared with {reference}: {comparison.comparisons} comparisons (Holm), and the intervals are as wide"
    return f"one comparison, with {reference}"


def _verdict(comparison: Comparison, pair: Pair) -> str:
    a, b = (comparison.settings[number].label for number in (pair.a, pair.b))
    kind = f"{pair.n} pairs of equal seeds" if pair.paired else f"{pair.n} seeds a side"
    said = f"{a} and {b}: {pair.verdict}" if pair.verdict in OPEN else f"{a} is {pair.verdict} than {b}"
    text = (
        f"{said}: difference {pair.difference:+.3g}, {pair.low:.3g} to {pair.high:.3g} (95 %; {kind}; "
        f"p {pair.p_holm:.2g})"
    )
    if pair.p_beats is not None:
        text += f"; a fresh run beats one of the other with probability {pair.p_beats:.2f}"
        text += f" ({pair.p_beats_low:.2f} to {pair.p_beats_high:.2f})" if pair.p_beats_low is not None else ""
    if pair.verdict in OPEN and pair.delta is not None:
        text += f"; these jobs could tell a gap of {pair.smallest_gap or 0.0:.3g}; {_needed(pair)}"
    return text


def _needed(pair: Pair) -> str:
    """How many fresh seeds would settle it."""
    least, expected, most = pair.seeds or (None, None, None)
    gap = f"a gap of {pair.gap or 0.0:.3g}"
    if least is None:
        return f"no number of seeds would tell {gap}"
    upper = f"to {most:,}" if most is not None else "or far more"
    about = f", about {expected:,}" if expected is not None else ""
    return f"to tell {gap} takes {least:,} {upper} fresh seeds a side{about} (80 % power)"


def _remarks(comparison: Comparison) -> list[str]:
    found = []
    for one in comparison.settings:
        if one.groups is not None:
            low, high = one.groups
            found.append(
                f"{one.label}: its seeds fall into two groups, {low} low and {high} high: see the dots; a mean says "
                "little"
            )
    lost = [f"{one.label} ({_lost(one.count('diverged'), one.count('failed'))})" for one in comparison.lost]
    lost += [f"{one.label} ({text})" for one in comparison.settings if (text := _lost_of(one))]
    if lost:
        found.append(f"diverged or failed, and in no mean: {_some(lost)}")
    repeated = sum(one.setting.repeated for one in comparison.settings)
    if repeated:
        found.append(f"{repeated} jobs repeat a seed of the same setting: the first of each counts")
    if comparison.has_test_part is False:
        found.append(
            "the test set's own part of the error is not counted: some runs have no test_correct.json of one test set"
        )
    found += _of_test(comparison)
    return found + _settle(comparison)


def _of_test(comparison: Comparison) -> list[str]:
    """The test metric of the reference, which was not chosen by it."""
    one = comparison.settings[comparison.reference]
    if comparison.metric.is_of_test or not one.test:
        return []
    values = list(one.test.values())
    mean = sum(values) / len(values)
    spread = f" ± {(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5:.2g}" if len(values) > 1 else ""
    name = "test/" + comparison.metric.name.rpartition("/")[2]
    over = f"{spread} over {len(values)} seeds" if len(values) > 1 else " of one run"
    return [f"{name} of {one.label}: {mean:.4g}{over}"]


def _settle(comparison: Comparison) -> list[str]:
    """The command that settles what cannot be told yet, for few settings."""
    pairs = [pair for pair in comparison.with_reference if pair.verdict in OPEN]
    needed = [pair.seeds[1] for pair in pairs if pair.seeds is not None and pair.seeds[1] is not None]
    if not needed:
        return []
    numbers = dict.fromkeys([comparison.reference, *(n for pair in pairs for n in (pair.a, pair.b))])
    commands = next_commands([comparison.settings[n].setting for n in list(numbers)[:MOST_SETTINGS]], max(needed))
    more = f" (of {max(needed):,} that it takes; a larger compare.delta takes fewer)" if max(needed) > MOST else ""
    return [f"settle it at fresh seeds{more}, and compare these alone: {line}" for line in commands]


def _lost_of(one: Scored) -> str:
    return _lost(one.setting.count("diverged"), one.setting.count("failed"))


def _lost(diverged: int, failed: int) -> str:
    return ", ".join(f"{count} {name}" for count, name in ((diverged, "diverged"), (failed, "failed")) if count)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
