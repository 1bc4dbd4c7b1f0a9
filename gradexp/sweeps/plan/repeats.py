"""Runs that repeat one setting: they differ by their seed, by the fold held out, or by the seed of the split."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any, Literal

KEYS = ("seed", "data.fold", "data.split_seed")  # by which runs of one setting differ
FOLDS = "data.folds"

Repeat = tuple[Any, Any, Any]  # seed, fold and seed of the split of a run; None where the seed draws the split
Unit = Literal["seed", "fold", "split"]  # what is counted: the runs of a setting, or the means over their seeds


def repeat_of(*sources: Mapping[str, Any]) -> Repeat:
    """Seed, fold and seed of the split; of each the value in the first source that has it."""
    seed, fold, split = (next((source[key] for source in sources if key in source), None) for key in KEYS)
    return seed, fold, 0 if split is None and fold is not None else split


def unit_of(repeats: Iterable[Repeat]) -> Unit:
    """What the runs of a setting are counted by.

    Runs on several splits that are drawn apart from the seeds count by these: two seeds on one split are no two
    independent measurements of a setting. Where all runs have one split, as by default, they count by their seeds.
    """
    splits = {repeat[1:] for repeat in repeats}
    if len(splits) < 2:
        return "seed"
    return "split" if all(fold is None for fold, _ in splits) else "fold"


def units_of(settings: Iterable[Iterable[Repeat]]) -> list[Unit]:
    """What the runs of each of several settings are counted by.

    Where one of them counts by its splits, so do the others whose splits are drawn apart from their seeds, as their
    runs on each split are to be averaged alike. Settings whose seeds draw the splits always count by their seeds.
    """
    known = [list(repeats) for repeats in settings]
    if all(unit_of(repeats) == "seed" for repeats in known):
        return ["seed"] * len(known)
    return [_apart(repeats) for repeats in known]


def _apart(repeats: Iterable[Repeat]) -> Unit:
    splits = {repeat[1:] for repeat in repeats}
    if all(fold is split is None for fold, split in splits):
        return "seed"
    return "split" if all(fold is None for fold, _ in splits) else "fold"


def by_split(scores: Mapping[Repeat, float]) -> dict[Repeat, float]:
    """The mean over the seeds on each split; runs whose seed draws the split stay as they are."""
    groups: dict[Repeat, list[float]] = defaultdict(list)
    for (seed, fold, split), score in scores.items():
        groups[seed if fold is split is None else None, fold, split].append(score)
    return {repeat: fmean(found) for repeat, found in groups.items()}


def without_repeats(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the repeats of a setting share."""
    return {key: value for key, value in settings.items() if key not in KEYS}
