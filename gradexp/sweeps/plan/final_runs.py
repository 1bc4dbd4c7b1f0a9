"""The second half of the benchmark protocol: the best setting of each optimizer, by validation, at fresh seeds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from gradexp.objective import monitor
from gradexp.rules import POSITIVE, WHOLE
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.entrants import entrant, problem
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
    """How many final runs there are of best settings, if each entrant has one that completes."""
    grid = [job for job in manifest.jobs.values() if job.stage == "grid"]
    return len({(_group(job, final), _split(job)) for job in grid}) * len(final["seeds"])


def default_count(manifest: Manifest, final: Mapping[str, Any]) -> int:
    """How many final runs there are of default settings; a default that is also the best runs once."""
    grid = [job for job in manifest.jobs.values() if job.stage == "grid" and job.is_default]
    return len({(repr(without_repeats(job.settings)), _split(job)) for job in grid}) * len(final["seeds"])


def final_runs(folder: Path, manifest: Manifest, final: Mapping[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    """The command lines of the final runs, and their settings.

    For each value of the axis `for_each`, and each problem if the sweep has several, the setting with the best mean of
    the monitor over the grid's seeds runs at the seeds of `final`, on each fold of the grid, and measures the test part
    once; so does the default setting, if the grid has it and it did not fail. Settings with a score at more seeds come
    first. The target score, which the runs time, is a share of the grid's best score on the problem (for a loss, that
    score divided by the share).

    Args:
        folder: The sweep's.
        manifest: The manifest of the finished grid.
        final: `for_each`, `seeds` and `target_share`.
    """
    scores: dict[Group, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    jobs: dict[str, dict[Repeat, PlannedJob]] = defaultdict(dict)
    defaults: dict[Group, str] = {}
    modes: dict[str, monitor.Mode] = {}
    for job, outcome in _done(folder, manifest):
        group, setting = _group(job, final), repr(without_repeats(job.settings))
        score = job_folder.score(outcome) if outcome["status"] == "completed" else None
        if score is not None:
            modes[group.problem] = outcome["monitor_mode"]
            scores[group][setting].append(score)
        if score is not None or job.is_default:
            jobs[setting][_split(job)] = job
        if job.is_default:
            defaults[group] = setting
    best: dict[Group, str] = {}
    for group, found in scores.items():
        # For data without classes the jobs monitor a loss in place of accuracy, which the plan does not know.
        sign = monitor.sign(modes[group.problem])
        best[group] = max(found, key=lambda setting: (len(found[setting]), sign * fmean(found[setting])))
    lines = []
    for group in dict.fromkeys([*best, *defaults]):
        on_problem = [fmean(scores[one][best[one]]) for one in best if one.problem == group.problem]
        target = _target(on_problem, modes.get(group.problem), final["target_share"])
        for setting in dict.fromkeys(found[group] for found in (best, defaults) if group in found):
            lines += [
                ([*_typed(job), f"seed={seed}", "test=true", *target], job.settings | {"seed": seed})
                for job in jobs[setting].values()
                for seed in final["seeds"]
            ]
    return lines


def at_default(manifest: Manifest, runs: Iterable[tuple[list[str], dict[str, Any]]]) -> set[tuple[str, ...]]:
    """The command lines among final runs that are of a default setting."""
    defaults = {repr(without_repeats(job.settings)) for job in manifest.jobs.values() if job.is_default}
    return {tuple(line) for line, settings in runs if repr(without_repeats(settings)) in defaults}


class Group(NamedTuple):
    """What one setting is chosen for."""

    entrant: str
    problem: str


def _group(job: PlannedJob, final: Mapping[str, Any]) -> Group:
    return Group(entrant(job.settings, final["for_each"]), problem(job.settings))


def _split(job: PlannedJob) -> Repeat:
    """The fold and the split of a job; its seed, which a final run replaces, is None."""
    return repeat_of({"seed": None}, job.settings)


def _typed(job: PlannedJob) -> list[str]:
    return [line for line in job.overrides if line.partition("=")[0] not in OWN_KEYS]


def _done(folder: Path, manifest: Manifest) -> Iterator[tuple[PlannedJob, dict[str, Any]]]:
    """The grid's jobs that completed or diverged as planned, with their outcomes."""
    for job in manifest.jobs.values():
        found = job_folder.outcome(folder / job.folder) if job.stage == "grid" else None
        if found is not None and not job_folder.was_changed(found, job.overrides) and found["status"] != "failed":
            yield job, found


def _target(scores: list[float], mode: monitor.Mode | None, share: float | None) -> list[str]:
    if not scores or share is None:
        return []
    is_up = monitor.sign(mode) > 0
    return [f"target_score={text(max(scores) * share if is_up else min(scores) / share)}"]
