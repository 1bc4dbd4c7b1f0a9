"""The command that runs open settings again at fresh seeds."""

from collections.abc import Sequence

from gradexp.interrupts import command
from gradexp.sweeps.report.comparison.settings import RunSetting

MOST_SETTINGS = 4
FIRST_SEED = 100
LEAST, MOST = 5, 50  # seeds in a command
DROPPED = ("seed", "data.split_seed", "ckpt_path", "task", "target_score", "sweep_dir", "hydra.", "sweep.")


def next_commands(settings: Sequence[RunSetting], number: int) -> list[str]:
    """The commands that run settings at `number` fresh seeds: one multirun, or one each if their keys differ.

    Keys that vary together are zipped, so that no further combinations run.

    Args:
        settings: At most four, else there is no command.
        number: How many seeds; 5 to 50 are typed.
    """
    if not 0 < len(settings) <= MOST_SETTINGS:
        return []
    lines = [_lines(setting) for setting in settings]
    taken = {repeat[0] for setting in settings for repeat in setting.jobs if isinstance(repeat[0], int)}
    seeds = [seed for seed in range(FIRST_SEED, FIRST_SEED + MOST + len(taken)) if seed not in taken]
    at = f"seed={','.join(map(str, seeds[: min(max(number, LEAST), MOST)]))}"
    keys = [line.keys() for line in lines]
    varying = [key for key in lines[0] if len({line.get(key) for line in lines}) > 1]
    is_simple = not any("," in str(line.get(key)) for line in lines for key in varying)
    if any(one != keys[0] for one in keys) or not is_simple:
        return [command("-m", *(f"{key}={value}" for key, value in line.items()), at) for line in lines]
    shared = [f"{key}={value}" for key, value in lines[0].items() if key not in varying]
    axes = [f"{key}={','.join(line[key] for line in lines)}" for key in varying]
    names = ",".join(key.lstrip("+") for key in varying)
    return [command("-m", *shared, *axes, *([f"sweep.zip=[{names}]"] if len(varying) > 1 else []), at)]


def _lines(setting: RunSetting) -> dict[str, str]:
    """Keys and values as they were typed for a job of the setting, without its seed."""
    job = next(iter(setting.jobs.values()))
    split = (line.partition("=") for line in job.overrides)
    return {key: value for key, _, value in split if not key.lstrip("+~").startswith(DROPPED)}
