"""Reading a sweep from its folder, and its table."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.ranking import ranking
from gradexp.sweeps.report.results import read_sweep, rows_of, write_csv
from tests.sweeps.folders import accuracy, grid, write_sweep

AXES: dict[str, list[Any]] = {"optimizer": ["sgd", "adam"], "optimizer__lr": [0.1, 0.01], "seed": [0, 1]}


def test_every_job_is_a_row_whatever_its_status(tmp_path: Path) -> None:
    jobs = grid(**AXES)
    monitored = {"monitor": "val/accuracy", "monitor_mode": "max"}
    outcomes: dict[int, dict[str, Any]] = {
        1: {"status": "failed", "reason": 'no "memory",\nat all'},
        2: {"status": "diverged", "reason": "at step 3", "seconds/fit": 1.0, **monitored},
        3: {},
        4: {},
    }
    folder = write_sweep(tmp_path / "sweep", jobs, outcomes)
    shutil.rmtree(folder / "5")
    with FileLock(folder / "4" / ".lock"):
        results = read_sweep(folder)
    expected = ["completed", "failed", "diverged", "interrupted", "running", "planned", "completed", "completed"]
    assert [job.status for job in results.jobs] == expected
    assert [job.settings for job in results.jobs] == jobs
    with write_csv(results).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == expected
    assert [row["job"] for row in rows] == [str(number) for number in range(8)]
    assert rows[1]["reason"] == 'no "memory",\nat all'
    for row, settings in zip(rows, jobs, strict=True):
        assert {axis: row[axis] for axis in settings} == {axis: str(value) for axis, value in settings.items()}
    assert float(rows[0]["val/accuracy"]) == accuracy(jobs[0])
    assert rows[1]["val/accuracy"] == rows[5]["val/accuracy"] == ""
    assert rows[0]["trainer.max_epochs"] == "20"
    assert rows[7]["overrides"] == "optimizer=adam optimizer.lr=0.01 seed=1"


def test_jobs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "sweep", grid(seed=list(range(12))))
    assert [job.folder.name for job in read_sweep(folder).jobs] == [str(number) for number in range(12)]


def test_without_a_manifest_the_job_folders_are_read(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "sweep", grid(**AXES))
    with_manifest = read_sweep(folder)
    (folder / "manifest.json").unlink()
    alone = read_sweep(folder)
    assert [job.settings for job in alone.jobs] == [job.settings for job in with_manifest.jobs]
    assert (alone.name, alone.monitor, alone.command) == ("default", "val/accuracy", [])


def test_the_monitor_is_the_metric_that_the_jobs_monitored(tmp_path: Path) -> None:
    """With data without classes, jobs monitor the loss instead of the requested accuracy."""
    folder = write_sweep(tmp_path / "sweep", grid(seed=[0, 1]))
    for path in folder.glob("*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"monitor": "val/loss", "monitor_mode": "min"}))
    results = read_sweep(folder)
    assert (results.monitor, results.monitor_mode) == ("val/loss", "min")


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="sweep_dir must be the folder of a multirun"):
            read_sweep(folder)


def test_a_sweep_is_ranked_by_the_weights_that_are_tested(tmp_path: Path) -> None:
    jobs = grid(optimizer=["sgd", "adam"])
    monitored = {"monitor": "val/accuracy", "monitor_mode": "max"}
    # The last epoch says that the second job is better, the best one that the first is.
    outcomes = {
        0: {"status": "completed", **monitored, "val/accuracy": 0.5, "best/val/accuracy": 0.9, "test/accuracy": 0.9},
        1: {"status": "completed", **monitored, "val/accuracy": 0.6, "best/val/accuracy": 0.7, "test/accuracy": 0.7},
    }
    results = read_sweep(write_sweep(tmp_path / "sweep", jobs, outcomes))
    assert [score for _, score in results.scored()] == [0.9, 0.7]
    assert results.score_name == "best/val/accuracy"
    assert [setting.mean for setting in ranking(results)] == [0.9, 0.7]


def test_runs_in_one_folder_have_the_settings_that_differ_and_the_defaults_of_what_some_lack(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(seed=[0, 1, 2]))
    (folder / "manifest.json").unlink()
    typed = (["model.hidden=[4]"], ["model.hidden=[4]", "seed=1", "report=true"], ["model.hidden=[4]", "optimizer=sgd"])
    for number, lines in enumerate(typed):
        record = folder / str(number) / ".hydra"
        (record / "overrides.yaml").write_text(yaml.safe_dump(lines))
        options = {"hydra": {"runtime": {"choices": {"optimizer": "sgd" if number == 2 else "adam"}}}}
        (record / "hydra.yaml").write_text(yaml.safe_dump(options))
    results = read_sweep(folder)
    assert [job.settings for job in results.jobs] == [
        {"seed": 0, "optimizer": "adam"},
        {"seed": 1, "optimizer": "adam"},
        {"seed": 2, "optimizer": "sgd"},
    ]
    assert [job.setting for job in results.jobs] == ["optimizer=adam", "optimizer=adam", "optimizer=sgd"]


def test_a_value_that_is_typed_in_several_ways_is_one_setting_in_ranking_verdicts_and_table(tmp_path: Path) -> None:
    rates = (("1e-2", "0.010", "0.01"), ("1e-5", "1E-5", "0.00001"), ("1", "1.0", "1."))
    typed = [(text, seed) for texts in rates for seed, text in enumerate(texts)]
    folder = write_sweep(tmp_path, [{"optimizer.lr": float(text), "seed": seed} for text, seed in typed])
    (folder / "manifest.json").unlink()
    for number, (text, seed) in enumerate(typed):
        lines = [f"optimizer.lr={text}", f"seed={seed}", f"optimizer.weight_decay={('0', '0.0', '0e0')[seed]}"]
        (folder / str(number) / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(lines))
    results = read_sweep(folder)
    wanted = {"optimizer.lr=0.01": 3, "optimizer.lr=1e-05": 3, "optimizer.lr=1.0": 3}
    assert {setting.label: len(setting.scores) for setting in ranking(results)} == wanted
    assert {one.label: len(one.jobs) for one in settings_of(results.jobs)} == wanted
    assert [row["optimizer.lr"] for row in rows_of(results)] == [0.01] * 3 + [1e-5] * 3 + [1.0] * 3
    assert {repr(row["optimizer.lr"]) for row in rows_of(results)} == {"0.01", "1e-05", "1.0"}
    assert {"optimizer.lr", "seed"} == set(results.axes)
