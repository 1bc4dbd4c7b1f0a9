"""Which settings of a grid are run again with new seeds."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradexp.files import write_json
from gradexp.objective.monitor import OWN
from gradexp.sweeps.plan.final_runs import at_default, default_count, final_count, final_runs
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob


def synthetic(outcomes: dict[tuple[str, float, int], float | None], monitor: str = "val/accuracy") -> Manifest:
    """Write a grid with a score for each optimizer, rate and seed; None for a diverged job."""
    mode = OWN[monitor.rpartition("/")[2]]
    manifest = Manifest("made", monitor, "continue", [], {"seed": 0, "data.val_size": 0.1}, [], monitor_mode=mode)
    for number, ((optimizer, rate, seed), score) in enumerate(outcomes.items()):
        settings = {"optimizer": optimizer, "optimizer.lr": rate, "seed": seed}
        typed = [*(f"{key}={value}" for key, value in settings.items()), "test=false"]
        manifest.jobs[f"{number:016x}"] = PlannedJob(str(number), "grid", typed, settings)
        content = {"status": "diverged", "monitor": monitor, "monitor_mode": mode, "reason": "loss is not finite"}
        if score is not None:
            content = {"status": "completed", "monitor": monitor, "monitor_mode": mode, monitor: score}  # type: ignore[dict-item]
        write_json(Path("made", str(number), "metrics.json"), content)
    return manifest


FINAL = {"for_each": "optimizer", "seeds": [100], "target_share": 0.5}


def chosen(outcomes: dict[tuple[str, float, int], float | None], monitor: str = "val/accuracy") -> dict[str, float]:
    runs = final_runs(Path("made"), synthetic(outcomes, monitor), FINAL)
    return {settings["optimizer"]: settings["optimizer.lr"] for _, settings in runs}


def test_the_best_mean_wins_not_the_best_seed() -> None:
    outcomes: dict[tuple[str, float, int], float | None] = {
        ("sgd", 0.1, 0): 0.9, ("sgd", 0.1, 1): 0.5, ("sgd", 0.2, 0): 0.8, ("sgd", 0.2, 1): 0.8,
        ("adam", 0.1, 0): 0.2, ("adam", 0.1, 1): 0.4, ("adam", 0.2, 0): 0.1, ("adam", 0.2, 1): 0.1,
    }  # fmt: skip
    assert chosen(outcomes) == {"sgd": 0.2, "adam": 0.1}
    # The lowest loss is the best.
    assert chosen(outcomes, "val/loss") == {"sgd": 0.1, "adam": 0.2}
    for monitor, target in (("val/accuracy", 0.8 * 0.5), ("val/loss", 0.1 / 0.5)):
        for line, _ in final_runs(Path("made"), synthetic(outcomes, monitor), FINAL):
            (typed,) = (part for part in line if part.startswith("target_score="))
            assert math.isclose(float(typed.partition("=")[2]), target)


def test_the_lowest_loss_wins_if_the_jobs_monitored_the_loss() -> None:
    manifest = synthetic({("sgd", 0.1, 0): 0.5, ("sgd", 9.0, 0): 7.0}, "val/loss")
    manifest.monitor = "val/accuracy"  # as typed; the jobs monitored val/loss
    ((line, settings),) = final_runs(Path("made"), manifest, FINAL)
    assert settings["optimizer.lr"] == 0.1
    assert "target_score=1.0" in line


def test_a_diverged_setting_does_not_win() -> None:
    assert chosen({("sgd", 0.1, 0): 0.5, ("sgd", 9.0, 0): None}) == {"sgd": 0.1}
    assert chosen({("sgd", 9.0, 0): None, ("adam", 0.1, 0): 0.5}) == {"adam": 0.1}
    assert chosen({("sgd", 9.0, 0): None}) == {}


def test_one_lucky_seed_among_diverged_ones_does_not_win() -> None:
    outcomes: dict[tuple[str, float, int], float | None] = {
        ("sgd", 0.1, 0): 0.8, ("sgd", 0.1, 1): 0.8, ("sgd", 0.1, 2): 0.8,
        ("sgd", 9.0, 0): 0.81, ("sgd", 9.0, 1): None, ("sgd", 9.0, 2): None,
    }  # fmt: skip
    assert chosen(outcomes) == {"sgd": 0.1}


def test_folds_are_repeats_of_a_setting_and_final_runs_have_all_of_them() -> None:
    manifest = synthetic({("sgd", rate, fold): 0.9 - rate + 0.3 * fold for rate in (0.1, 0.2) for fold in (0, 1)})
    for job in manifest.jobs.values():
        job.settings["data.fold"] = job.settings.pop("seed")
        job.overrides[2] = f"data.fold={job.settings['data.fold']}"
    final = {**FINAL, "seeds": [100, 101], "target_share": None}
    runs = final_runs(Path("made"), manifest, final)
    assert [(found["optimizer.lr"], found["data.fold"], found["seed"]) for _, found in runs] == [
        (0.1, 0, 100), (0.1, 0, 101), (0.1, 1, 100), (0.1, 1, 101),
    ]  # fmt: skip
    assert "data.fold=1" in runs[-1][0]
    assert final_count(manifest, final) == 4


def renamed(manifest: Manifest, key: str, other: str) -> Manifest:
    """With another axis in place of one."""
    for name, job in manifest.jobs.items():
        settings = {other if axis == key else axis: value for axis, value in job.settings.items()}
        manifest.jobs[name] = replace(job, settings=settings)
    return manifest


def test_each_typed_class_has_final_runs() -> None:
    manifest = synthetic({("a.Lion", 0.1, 0): 0.9, ("a.Lion", 0.2, 0): 0.8, ("b.Sophia", 0.1, 0): 0.5})
    runs = final_runs(Path("made"), renamed(manifest, "optimizer", "optimizer._target_"), FINAL)
    found = [(settings["optimizer._target_"], settings["optimizer.lr"]) for _, settings in runs]
    assert found == [("a.Lion", 0.1), ("b.Sophia", 0.1)]
    assert final_count(manifest, FINAL) == 2


def test_classes_with_arguments_are_entrants() -> None:
    manifest = synthetic({("sgd", 0.1, 0): 0.9, ("adam", 0.1, 0): 0.8, ("adam", 0.2, 0): 0.7})
    for name, job in manifest.jobs.items():
        option: Any = {"_target_": "a.Lion"} if job.settings["optimizer"] == "adam" else "sgd"
        manifest.jobs[name] = replace(job, settings=job.settings | {"optimizer": option})
    runs = final_runs(Path("made"), manifest, FINAL)
    assert [settings["optimizer"] for _, settings in runs] == ["sgd", {"_target_": "a.Lion"}]


def test_the_default_runs_beside_the_best_and_also_if_it_diverged() -> None:
    outcomes: dict[tuple[str, float, int], float | None] = {
        ("sgd", 0.1, 0): 0.8, ("sgd", 0.3, 0): 0.9, ("adam", 0.1, 0): 0.7, ("adam", 0.3, 0): 0.6,
        ("lion", 0.1, 0): None, ("lion", 0.3, 0): None,
    }  # fmt: skip
    manifest = synthetic(outcomes)
    for name, job in manifest.jobs.items():
        manifest.jobs[name] = replace(job, is_default=job.settings["optimizer.lr"] == 0.1)
    runs = final_runs(Path("made"), manifest, FINAL)
    found = [(settings["optimizer"], settings["optimizer.lr"]) for _, settings in runs]
    assert found == [("sgd", 0.3), ("sgd", 0.1), ("adam", 0.1), ("lion", 0.1)]
    defaults = at_default(manifest, runs)
    assert [tuple(line) in defaults for line, _ in runs] == [False, True, True, True]
    assert (final_count(manifest, FINAL), default_count(manifest, FINAL)) == (3, 3)
    assert all("target_score=0.45" in line for line, _ in runs), "of the best of the grid, not of a default"


def test_each_problem_of_a_sweep_has_its_own_winners_and_target() -> None:
    manifest = synthetic({("sgd", 0.1, 0): 0.9, ("sgd", 0.2, 0): 0.8, ("sgd", 0.1, 1): 3.0, ("sgd", 0.2, 1): 2.0})
    for number, (name, job) in enumerate(manifest.jobs.items()):
        seedless = {key: value for key, value in job.settings.items() if key != "seed"}
        manifest.jobs[name] = replace(job, settings=seedless | {"experiment": "digits" if number < 2 else "diabetes"})
        if number >= 2:  # a loss, of which the lower is better
            content = {"status": "completed", "monitor": "val/loss", "monitor_mode": "min", "val/loss": 5.0 - number}
            write_json(Path("made", job.folder, "metrics.json"), content)
    runs = final_runs(Path("made"), manifest, FINAL)
    found = [(settings["experiment"], settings["optimizer.lr"]) for _, settings in runs]
    assert found == [("digits", 0.1), ("diabetes", 0.2)]
    assert [line[-1] for line, _ in runs] == ["target_score=0.45", "target_score=4.0"]
