"""A comparison in words: lines for the terminal and the page."""

import re
from collections.abc import Iterable
from statistics import fmean, stdev

from gradexp.interrupts import COMMAND
from gradexp.rules.words import abbreviated, counted
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.next_command import (
    MOST,
    MOST_SETTINGS,
    missing_commands,
    missing_seeds,
    next_commands,
    repetitions,
)
from gradexp.sweeps.report.comparison.pair import JUDGED, OPEN, Pair

SHOWN = 10  # comparisons that are explained
SAMPLED = 3  # pairs of single models that are explained
ALL_RUNS = {"seed": "seed=0,1,2,3,4", "fold": "+sweep=folds", "split": "data.split_seed=0,1,2,3,4"}
ALL_RUNS |= {"score": "seeds, or folds, to all settings alike"}


def number(value: float | None) -> str:
    """Four significant digits; nothing for None."""
    return "" if value is None else f"{value:.4g}"


def title(comparison: Comparison) -> str:
    """What is compared, by which metric."""
    way = "higher" if comparison.metric.sign > 0 else "lower"
    return f"{counted(len(comparison.settings), 'setting')} by {comparison.metric.name}, {way} is better"


def lines(comparison: Comparison) -> list[str]:
    """The verdicts on the settings beside the reference, what they rest on, and what would settle the open ones."""
    found = [_rule(comparison), *_of_units(comparison)] if comparison.is_judged else []
    pairs = [pair for pair in comparison.with_reference if pair.verdict is not None]
    found += [_verdict(comparison, pair) for pair in pairs[:SHOWN]]
    if len(pairs) > SHOWN:
        found.append(f"and {counted(len(pairs) - SHOWN, 'further setting')}, in the table")
    for one in comparison.sampled[:SAMPLED]:
        a, b = comparison.settings[one.a].label, comparison.settings[one.b].label
        found.append(
            f"{a} and {b}: with one run each, these two models differ by {one.difference:+.4f} ± {one.reach:.4f} in "
            "test/accuracy on this test set (95 %); about the settings nothing can be said"
        )
    if len(comparison.sampled) > SAMPLED:
        found.append(f"and {counted(len(comparison.sampled) - SAMPLED, 'further setting')} with one run each")
    if not comparison.is_judged:
        found.append(f"no verdict: from three {comparison.unit}s on a difference is judged; {_add(comparison)}")
    elif any(len(one.scores) < JUDGED for one in comparison.settings):
        few = [one.label for one in comparison.settings if len(one.scores) < JUDGED]
        short = counted(len(few), "setting")
        found.append(f"no verdict on {short} with fewer than three {comparison.unit}s: {abbreviated(few, SHOWN)}")
    found += _remarks(comparison)
    return found


def with_commands(said: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Each line as its words, and the commands that it ends with, which a page sets apart."""
    found = []
    for line in said:
        text, *commands = re.split(rf"(?<=:) (?={COMMAND} )|; (?={COMMAND} )", line)
        found.append((text, commands))
    return found


def _add(comparison: Comparison) -> str:
    """What to add for a verdict: the command, for few settings that count by their seeds."""
    settings = [one.setting for one in comparison.settings]
    commands = missing_commands(settings) if comparison.unit == "seed" else []
    if commands:
        return f"add the missing seeds, and compare both folders: {'; '.join(commands)}"
    if comparison.unit == "seed" and (seeds := missing_seeds(settings)):
        return f"add seed={','.join(map(str, seeds))}"
    return f"add {ALL_RUNS[comparison.unit]}"


def _rule(comparison: Comparison) -> str:
    reference = comparison.settings[comparison.reference].label
    of_all = f"all {comparison.comparisons} pairs are" if comparison.comparisons > 1 else "the one pair is"
    if comparison.is_chosen:
        return (
            f"{reference} was chosen as the best by these very numbers: so {of_all} tested (Holm), and the "
            "intervals are as wide"
        )
    if comparison.comparisons > 1:
        return f"compared with {reference}: {comparison.comparisons} comparisons (Holm), and the intervals are as wide"
    return f"one comparison, with {reference}"


def _of_units(comparison: Comparison) -> list[str]:
    """What is counted in place of seeds, and how."""
    found = []
    if comparison.unit == "score":
        kinds = [f"{counted(len(one.scores), one.unit)} of {one.label}" for one in comparison.settings[:SHOWN]]
        found.append(f"the settings count by different units: {', '.join(kinds)}; unlike units are not paired")
    for unit in dict.fromkeys(one.unit for one in comparison.settings if one.unit != "seed"):
        means = f"a {unit}'s score is the mean over its seeds"
        if any(one.folds is not None for one in comparison.settings if one.unit == unit):
            means += "; folds share training samples, and the variance counts it, after Nadeau and Bengio (2003)"
        found.append(means)
    return found


def _verdict(comparison: Comparison, pair: Pair) -> str:
    one, other = (comparison.settings[number] for number in (pair.a, pair.b))
    a, b, unit = one.label, other.label, one.unit
    kind = f"{pair.n} pairs of equal {unit}s" if pair.paired else f"{pair.n} {unit}s a side"
    if unit != other.unit:
        kind = f"{len(one.scores)} {unit}s beside {len(other.scores)} {other.unit}s"
    said = f"{a} and {b}: {pair.verdict}" if pair.verdict in OPEN else f"{a} is {pair.verdict} than {b}"
    text = (
        f"{said}: difference {pair.difference:+.3g}, {pair.low:.3g} to {pair.high:.3g} (95 %; {kind}; "
        f"p {pair.p_holm:.2g})"
    )
    if pair.p_beats is not None:
        text += f"; a fresh run beats one of the other with probability {pair.p_beats:.2f}"
        text += f" ({pair.p_beats_low:.2f} to {pair.p_beats_high:.2f})" if pair.p_beats_low is not None else ""
    if pair.verdict in OPEN and pair.delta is not None:
        text += f"; these jobs could tell a gap of {pair.smallest_gap or 0.0:.3g}; {_needed(comparison, pair)}"
    return text


def _needed(comparison: Comparison, pair: Pair) -> str:
    """How many fresh seeds, or repetitions with other folds, would settle it."""
    one, other = (comparison.settings[number] for number in (pair.a, pair.b))
    if one.unit != other.unit:
        return f"to tell more, count both by {one.unit}s or both by {other.unit}s"
    folds = one.folds
    least, expected, most = (repetitions(count, folds) for count in pair.seeds or (None, None, None))
    gap = f"a gap of {pair.gap or 0.0:.3g}"
    kind = f"repetitions of all {folds} folds" if folds else f"fresh {one.unit}s a side"
    if least is None:
        more = ", only more samples would, as folds share theirs" if folds else ""
        return f"no number of {kind if folds else f'{comparison.unit}s'} would tell {gap}{more}"
    upper = f"to {most:,}" if most is not None else "or far more"
    about = f", about {expected:,}" if expected is not None else ""
    return f"to tell {gap} takes {least:,} {upper} {kind}{about} (80 % power)"


def _remarks(comparison: Comparison) -> list[str]:
    found = []
    for one in comparison.settings:
        if one.groups is not None:
            low, high = one.groups
            found.append(
                f"{one.label}: its {one.unit}s fall into two groups, {low} low and {high} high: see the dots; a "
                "mean says little"
            )
    lost = [f"{one.label} ({one.lost})" for one in comparison.lost]
    lost += [f"{one.label} ({one.setting.lost})" for one in comparison.settings if one.setting.lost]
    if lost:
        found.append(f"diverged or failed, and in no mean: {abbreviated(lost, SHOWN)}")
    repeated = sum(one.setting.repeated for one in comparison.settings)
    if repeated:
        repeat = f"{counted(repeated, 'job')} {'repeats' if repeated == 1 else 'repeat'}"
        found.append(f"{repeat} a seed of the same setting: the first of each counts")
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
    name = "test/" + comparison.metric.name.rpartition("/")[2]
    over = f" ± {stdev(values):.2g} over {len(values)} {one.unit}s" if len(values) > 1 else " of one run"
    return [f"{name} of {one.label}: {fmean(values):.4g}{over}"]


def _settle(comparison: Comparison) -> list[str]:
    """The command that settles what cannot be told yet, for few settings; or may settle it, at the least that it takes.

    Settings that are counted otherwise than the reference, or by another number of folds, are left out.
    """
    reference = comparison.settings[comparison.reference]
    folds = reference.folds
    pairs = [pair for pair in comparison.with_reference if pair.verdict in OPEN and pair.seeds is not None]
    alike = [(one.unit, one.folds) == (reference.unit, folds) for one in comparison.settings]
    pairs = [pair for pair in pairs if alike[pair.a] and alike[pair.b]]
    expected, least = ([repetitions(pair.seeds[n], folds) for pair in pairs if pair.seeds] for n in (1, 0))
    verb = "may settle it" if all(count is None for count in expected) else "settle it"
    needed = [count for count in (expected if verb == "settle it" else least) if count is not None]
    if not needed:
        return []
    numbers = dict.fromkeys([comparison.reference, *(n for pair in pairs for n in (pair.a, pair.b))])
    commands = next_commands([comparison.settings[n].setting for n in list(numbers)[:MOST_SETTINGS]], max(needed))
    more = f" (of {max(needed):,} that it takes; a larger compare.delta takes fewer)" if max(needed) > MOST else ""
    fresh = "with other folds" if folds else "at fresh seeds"
    return [f"{verb} {fresh}{more}, and compare these alone: {line}" for line in commands]
