"""The second half of the benchmark protocol: the best setting of each optimizer, by validation, at fresh seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from gradexp.objective import monitor
from gradexp.rules import POSITIVE, WHOLE
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob
from gradexp.sweeps.plan.repeats import Repeat, repeat_of, without_repeats

OWN_KEYS = ("seed", "test", "target_score")  # that a final run sets itself


def check_final(given: Any) -> None:
    """Check `sweep.final` against its rule.

    Raises:
        ValueError: It is not of the form {for_each: KEY, seeds: LIST, target_share: SHARE}.
    """
    holds = (
        isinstance(given, Mapping)
        and set(given) == {"for_each", "seeds", "target_share"}
        and isinstance(given["for_each"], str)
        and isinstance(given["seeds"], list)
        and len(set(given["seeds"])) == len(given["seeds"]) > 0
        and all(map(WHOLE.holds, given["seeds"]))
        and (given["target_share"] is None or (POSITIVE.holds(given["target_share"]) and given["target_share"] <= 1))
    )
    if not holds:
        raise ValueError(
            "sweep.final must be {for_each: KEY, seeds: LIST, target_share: SHARE}: an axis, each value of which gets "
            "its best setting; different whole numbers; and the share of the best score to be timed, above 0 and at "
            f"most 1, or null. Got {given!r}."
        )


def check_fresh(manifest: Manifest, final: Mapping[str, Any]) -> None:
    """Check that the grid uses none of the final seeds.

    Raises:
        ValueError: The grid uses one of them.
    """
    for job in manifest.jobs.values():
        seed = job.settings.get("seed", manifest.base.get("seed"))
        if job.stage == "grid" and seed in final["seeds"]:
            raise ValueError(f"sweep.final.seeds must not be seeds of the grid, which choose the settings; got {seed}.")


def final_count(manifest: Manifest, final: Mapping[str, Any]) -> int:
    """How many final runs there are if each value of the axis has a setting that completes."""
    grid = [job for job in manifest.jobs.values() if job.stage == "grid"]
    kinds = {repr((job.settings.get(final["for_each"]), _split(job))) for job in grid}
    return len(kinds) * len(final["seeds"])


def final_runs(folder: Path, manifest: Manifest, final: Mapping[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    """The command lines of the final runs, and their settings.

    For each value of the axis `for_each`, the setting with the best mean of the monitor over the grid's seeds runs at
    the seeds of `final`, on each fold of the grid, and measures the test part once. Settings with a score at more seeds
    come first. The target score, which the runs time, is a share of the grid's best score (for a loss, that score
    divided by the share).

    Args:
        folder: The sweep's.
        manifest: The manifest of the finished grid.
        final: `for_each`, `seeds` and `target_share`.
    """
    scores: dict[Any, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    winners: dict[str, dict[Repeat, PlannedJob]] = defaultdict(dict)
    modes = set()
    for job, mode, score in _scored(folder, manifest):
        modes.add(mode)
        setting = repr(without_repeats(job.settings))
        scores[job.settings.get(final["for_each"])][setting].append(score)
        winners[setting][_split(job)] = job
    # For data without classes the jobs monitor a loss in place of accuracy, which the plan does not know.
    sign = monitor.sign(next(iter(modes), manifest.monitor_mode))
    best = {
        value: max(found, key=lambda setting: (len(found[setting]), sign * fmean(found[setting])))
        for value, found in scores.items()
    }
    target = _target([fmean(scores[value][setting]) for value, setting in best.items()], sign, final["target_share"])
    return [
        ([*_typed(job), f"seed={seed}", "test=true", *target], job.settings | {"seed": seed})
        for setting in best.values()
        for job in winners[setting].values()
        for seed in final["seeds"]
    ]


def _split(job: PlannedJob) -> Repeat:
    """The fold and the split of a job; its seed, which a final run replaces, is None."""
    return repeat_of({"seed": None}, job.settings)


def _typed(job: PlannedJob) -> list[str]:
    return [line for line in job.overrides if line.partition("=")[0] not in OWN_KEYS]


def _scored(folder: Path, manifest: Manifest) -> Iterable[tuple[PlannedJob, monitor.Mode, float]]:
    """The grid's completed jobs with the mode and the score of their monitor."""
    for job in manifest.jobs.values():
        found = job_folder.outcome(folder / job.folder) if job.stage == "grid" else None
        is_planned = found is not None and not job_folder.was_changed(found, job.overrides)
        if found is not None and is_planned and found["status"] == "completed":
            score = job_folder.score(found)
            if score is not None:
                yield job, found["monitor_mode"], score


def _target(scores: list[float], sign: int, share: float | None) -> list[str]:
    if not scores or share is None:
        return []
    return [f"target_score={text(max(scores) * share if sign > 0 else min(scores) / share)}"]
