"""Which jobs are of one setting, and what it is called."""

from pathlib import Path
from typing import Any

import pytest

from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.results import Job
from tests.sweeps.report.comparison.jobs import job


def labels(jobs: list[Job]) -> dict[str, list[Any]]:
    """The seeds of each setting, by its label."""
    return {one.label: [repeat[0] for repeat in one.jobs] for one in settings_of(jobs)}


def test_settings_are_what_differs_seed_and_fold_apart() -> None:
    jobs = [
        job(3 * n + seed, {"optimizer.lr": rate, "seed": seed, "data.fold": seed, "trainer.max_epochs": 3})
        for n, rate in enumerate((0.1, 0.01))
        for seed in range(3)
    ]
    assert labels(jobs) == {"optimizer.lr=0.1": [0, 1, 2], "optimizer.lr=0.01": [0, 1, 2]}


@pytest.mark.parametrize(
    "key", ["name", "test", "data_dir", "threads", "target_score", "trainer.devices", "logger.x.y"]
)
def test_keys_that_do_not_change_a_run_make_no_setting(key: str) -> None:
    jobs = [job(seed, {key: seed, "seed": seed}, sweep=f"run{seed}") for seed in range(3)]
    assert labels(jobs) == {"the same setting": [0, 1, 2]}


def test_runs_of_several_folders_are_joined_by_the_configuration_that_ran() -> None:
    """The second sweep has the same rate by default, the third another default for the same command."""
    one = [job(seed, {"optimizer.lr": 0.001, "seed": seed}) for seed in range(2)]
    other = [job(seed, {"seed": seed}, sweep="other") for seed in range(2, 4)]
    third = [job(9, {"seed": 0}, sweep="third", config={"optimizer.lr": 0.5})]
    assert list(labels(one + other + third).values()) == [[0, 1, 2, 3], [0]]


def test_what_a_callback_chose_by_seed_does_not_split_a_setting_of_one_sweep() -> None:
    jobs = [job(seed, {"model.init": "normal", "seed": seed}, config={"optimizer.lr": 0.1 + seed}) for seed in range(3)]
    assert list(labels(jobs).values()) == [[0, 1, 2]]


def test_equal_commands_are_told_apart_by_the_configuration() -> None:
    jobs = [job(0, {}, sweep=name, config={"optimizer.lr": rate}) for name, rate in (("a", 0.1), ("b", 0.2))]
    assert list(labels(jobs)) == ["optimizer.lr=0.1", "optimizer.lr=0.2"]


def test_a_default_beside_typed_values_is_named() -> None:
    jobs = [job(0, {}, sweep="a"), job(0, {"optimizer.lr": 0.1}, sweep="b")]
    assert list(labels(jobs)) == ["optimizer.lr=0.001", "optimizer.lr=0.1"]


def test_a_repeated_seed_counts_once_and_a_completed_run_before_a_lost_one() -> None:
    jobs = [job(0, {"seed": 0}, status="diverged"), job(1, {"seed": 0}), job(2, {"seed": 0}), job(3, {"seed": 1})]
    (setting,) = settings_of(jobs)
    assert [one.folder.name for one in setting.jobs.values()] == ["1", "3"]
    assert setting.repeated == 2


def test_jobs_that_have_not_ended_are_left_out_and_lost_ones_are_counted() -> None:
    states = ("completed", "diverged", "failed", "running", "planned", "interrupted")
    (setting,) = settings_of([job(n, {"seed": n}, status=state) for n, state in enumerate(states)])
    assert [setting.count(state) for state in states] == [1, 1, 1, 0, 0, 0]


def test_a_failed_job_without_a_record_is_of_the_setting_that_was_typed() -> None:
    jobs = [job(0, {"optimizer.lr": 0.1, "seed": 0}), job(1, {"optimizer.lr": 0.1, "seed": 1}, status="failed")]
    jobs[1].config.clear()
    assert labels(jobs) == {"optimizer.lr=0.1": [0, 1]}


@pytest.mark.parametrize(
    ("key", "value", "is_so"),
    [
        ("optimizer.lr", "1e-1", True),
        ("optimizer.lr", 0.1, True),
        ("optimizer.lr", "0.10", True),
        ("optimizer.lr", "0.2", False),
        ("model.hidden", "[200,10]", True),
        ("model.hidden", "[200, 10]", True),
        ("model.bias", "true", True),
        ("model.bias", "1", False),
        ("augmentation", "null", True),
        ("optimizer", "adam", True),
        ("no.such", "1", False),
    ],
)
def test_a_setting_has_a_value_however_it_is_written(key: str, value: Any, is_so: bool) -> None:
    config = {"model.hidden": [200, 10], "model.bias": True, "augmentation": None}
    (setting,) = settings_of([job(0, {"optimizer.lr": "1e-1", "optimizer": "adam"}, config=config)])
    assert setting.has(key, value) == is_so


def test_an_option_that_was_not_typed_is_named_as_hydra_recorded_it(tmp_path: Path) -> None:
    record = tmp_path / "a" / "0" / ".hydra" / "hydra.yaml"
    record.parent.mkdir(parents=True)
    record.write_text("hydra: {runtime: {choices: {optimizer: adam, model: mlp_classifier}}}")
    target = "optimizer._target_"
    jobs = [
        job(0, {}, sweep=str(tmp_path / "a"), config={target: "torch.optim.Adam"}),
        job(0, {"optimizer": "sgd"}, sweep=str(tmp_path / "b"), config={target: "torch.optim.SGD"}),
    ]
    assert list(labels(jobs)) == ["optimizer=adam", "optimizer=sgd"]
    assert [one.has("optimizer", "adam") for one in settings_of(jobs)] == [True, False]
    assert settings_of(jobs)[0].has("model", "mlp_classifier")
    record.write_text("hydra: {runtime: [1, 2]}")
    assert next(iter(labels(jobs))) == "optimizer._target_=torch.optim.Adam"
