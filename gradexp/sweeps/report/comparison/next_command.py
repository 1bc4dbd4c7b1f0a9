"""The commands that run settings again: at fresh seeds, with other folds, or at the seeds that are missing."""

import math
from collections import defaultdict
from collections.abc import Sequence

from gradexp.interrupts import command
from gradexp.sweeps.plan.repeats import KEYS, unit_of
from gradexp.sweeps.report.comparison.settings import RunSetting

MOST_SETTINGS = 4
FIRST_SEED = 100
LEAST, MOST = 5, 50  # seeds in a command
DROPPED = (*KEYS, "ckpt_path", "task", "target_score", "sweep_dir", "early_stopping.thresholds")
SECTIONS = ("hydra", "sweep")  # that are dropped whole


def next_commands(settings: Sequence[RunSetting], number: int) -> list[str]:
    """The commands that run settings at `number` fresh seeds: one multirun, or one each if their keys differ.

    Unless the settings are all combinations of their values, keys are zipped, so that no further combinations run.
    Settings with several splits, such as folds, run at the same seeds on fresh splits.

    Args:
        settings: At most four, else there is no command.
        number: How many seeds or splits; of seeds 5 to 50 are typed, of splits into folds at most 50.
    """
    if not 0 < len(settings) <= MOST_SETTINGS:
        return []
    repeats = [repeat for setting in settings for repeat in setting.jobs]
    unit, folds = unit_of(repeats), settings[0].folds
    taken = {repeat[0 if unit == "seed" else 2] for repeat in repeats}
    fresh = [seed for seed in range(FIRST_SEED, FIRST_SEED + MOST + len(taken)) if seed not in taken]
    number = min(max(number, 1 if unit == "fold" else LEAST), MOST)
    at = [f"{'seed' if unit == 'seed' else 'data.split_seed'}={_typed(fresh[:number])}"]
    if unit != "seed":
        at.append(f"seed={','.join(map(str, sorted({repeat[0] for repeat in repeats})))}")
    if unit == "fold":
        at.append(f"data.fold=range({folds})")
    return _multiruns(settings, at)


def missing_commands(settings: Sequence[RunSetting]) -> list[str]:
    """The commands that run settings at the seeds that they lack of five: one multirun, or more.

    Args:
        settings: At most four, else there is no command; their runs count by their seeds.
    """
    if not 0 < len(settings) <= MOST_SETTINGS:
        return []
    by_seeds: dict[tuple[int, ...], list[RunSetting]] = defaultdict(list)
    for setting in settings:
        if seeds := missing_seeds([setting]):
            by_seeds[seeds].append(setting)
    return [
        line for seeds, some in by_seeds.items() for line in _multiruns(some, [f"seed={','.join(map(str, seeds))}"])
    ]


def missing_seeds(settings: Sequence[RunSetting]) -> tuple[int, ...]:
    """The seeds, from 0 up, that give each of these settings five that completed, without those that any has run."""
    fewest = min(setting.count("completed") for setting in settings)
    taken = {repeat[0] for setting in settings for repeat in setting.jobs}
    return tuple(seed for seed in range(LEAST + len(taken)) if seed not in taken)[: max(LEAST - fewest, 0)]


def _typed(numbers: Sequence[int]) -> str:
    """Ascending numbers as a sweep's values: a range where they are many and have no gap."""
    first, end = numbers[0], numbers[-1] + 1
    if len(numbers) >= LEAST and end - first == len(numbers):
        return f"range({first},{end})"
    return ",".join(map(str, numbers))


def _multiruns(settings: Sequence[RunSetting], at: Sequence[str]) -> list[str]:
    """One multirun of these settings at some seeds or splits, or one each if their keys differ."""
    given = [one.partition("=")[0] for one in at]
    lines = [{key: value for key, value in _lines(one).items() if key not in given} for one in settings]
    keys = [line.keys() for line in lines]
    varying = [key for key in lines[0] if len({line.get(key) for line in lines}) > 1]
    is_simple = not any("," in str(line.get(key)) for line in lines for key in varying)
    if any(one != keys[0] for one in keys) or not is_simple:
        return [command("-m", *(f"{key}={value}" for key, value in line.items()), *at) for line in lines]
    shared = [f"{key}={value}" for key, value in lines[0].items() if key not in varying]
    values = {key: [line[key] for line in lines] for key in varying}
    of_grid = {key: list(dict.fromkeys(every)) for key, every in values.items()}
    is_grid = math.prod(map(len, of_grid.values())) == len(lines)
    axes = [f"{key}={','.join(every)}" for key, every in (of_grid if is_grid else values).items()]
    names = ",".join(key.lstrip("+") for key in varying)
    return [command("-m", *shared, *axes, *([] if is_grid else [f"sweep.zip=[{names}]"]), *at)]


def _lines(setting: RunSetting) -> dict[str, str]:
    """Keys and values as they were typed for a job of the setting, without its seed, or several folds."""
    job = next(iter(setting.jobs.values()))
    split = [(line.partition("=")[0], line.partition("=")[2]) for line in job.overrides]
    bare = [key.lstrip("+~") for key, _ in split]
    kept = [key not in DROPPED and not key.startswith(tuple(f"{name}." for name in SECTIONS)) for key in bare]
    found = {key: value for (key, value), is_kept in zip(split, kept, strict=True) if is_kept}
    splits = {repeat[1:] for repeat in setting.jobs}
    if len(splits) == 1:  # else they are what is repeated
        typed = dict(zip(bare, (value for _, value in split), strict=True))
        found |= {key: typed[key] for key in KEYS[1:] if key in typed}
    return found


def repetitions(runs: int | None, folds: int | None) -> int | None:
    """How often settings are repeated for so many runs: each of them is a seed's, or all folds of a split are one."""
    return runs if runs is None or folds is None else -(-runs // folds)
