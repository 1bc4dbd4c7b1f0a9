"""Which settings of a grid are run again with new seeds."""

import math
from pathlib import Path

from gradexp.files import write_json
from gradexp.objective.monitor import OWN
from gradexp.sweeps.plan.final_runs import final_count, final_runs
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
