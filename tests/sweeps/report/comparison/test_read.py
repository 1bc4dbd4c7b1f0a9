"""The folders of a comparison: several, each of a multirun or of a run, made by others."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gradexp.sweeps.report.comparison.read import latest_stage, read_folders
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.results import read_sweep
from tests.sweeps.folders import grid, write_sweep


def test_sweeps_and_single_runs_are_joined_and_each_job_counts_once(own_folder: Path) -> None:
    write_sweep(own_folder / "one", grid(optimizer__lr=[0.1, 0.01], seed=[0, 1]))
    write_sweep(own_folder / "other", grid(optimizer__lr=[0.1], seed=[2, 3]))
    found = read_folders(["one", "other", "one", "other/1", str(own_folder / "one" / "0")])
    assert len(found.jobs) == 6
    assert (found.monitor, found.monitor_mode) == ("val/accuracy", "max")
    seeds = {one.label: [repeat[0] for repeat in one.jobs] for one in settings_of(found.jobs)}
    assert seeds == {"optimizer.lr=0.1": [0, 1, 2, 3], "optimizer.lr=0.01": [0, 1]}
    runs = read_folders([f"one/{number}" for number in range(4)])
    assert [(one.label, len(one.jobs)) for one in settings_of(runs.jobs)] == [
        ("optimizer.lr=0.1", 2),
        ("optimizer.lr=0.01", 2),
    ]


def test_the_final_runs_of_a_benchmark_stand_for_it(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.1, 0.01], seed=[0, 1, 2]))
    content = json.loads((folder / "manifest.json").read_text())
    assert len(latest_stage(read_sweep(folder))) == 6
    for job in content["jobs"].values():
        job["stage"] = "grid" if job["settings"]["seed"] == 0 else "final"
    (folder / "manifest.json").write_text(json.dumps(content))
    assert [job.settings["seed"] for job in latest_stage(read_sweep(folder))] == [1, 2, 1, 2]


def test_jobs_resumed_with_other_settings_are_left_out(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.1, 0.01], seed=[0, 1]))
    path = folder / "0" / "metrics.json"
    resumed = [{"step": 3, "key": "optimizer.lr", "old": 0.1, "new": 0.5}]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resumed": resumed}))
    assert [job.folder.name for job in read_folders([str(folder)]).jobs] == ["1", "2", "3"]


def damaged(folder: Path, kind: str) -> None:
    if kind == "metrics":
        (folder / "0" / "metrics.json").write_text('{"status": "completed", "val/accuracy": "high"}')
    elif kind == "manifest":
        (folder / "manifest.json").write_text("[]")
    elif kind == "config":
        (folder / "0" / ".hydra" / "config.yaml").write_text("a: [")
    elif kind == "link":
        (folder / "0" / "link").symlink_to("/etc")
    else:
        os.mkfifo(folder / "0" / "pipe")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("metrics", r"metrics.json must be the record that a run writes .* its val/accuracy must be a number"),
        ("manifest", r"manifest.json must be a manifest that a sweep wrote"),
        ("config", r"config.yaml must be the configuration that a run recorded"),
        ("link", r"must be a folder whose links stay in it"),
        ("pipe", r"is neither, but a pipe or a device"),
    ],
)
def test_a_damaged_folder_gives_one_message(kind: str, message: str, own_folder: Path) -> None:
    damaged(write_sweep(own_folder / "sweep", grid(seed=[0, 1])), kind)
    with pytest.raises(ValueError, match=message):
        read_folders(["sweep"])


@pytest.mark.parametrize("name", ["absent", "empty", "file", "sweep/manifest.json", "other"])
def test_a_folder_that_is_none_is_refused(name: str, own_folder: Path) -> None:
    write_sweep(own_folder / "sweep", grid(seed=[0, 1]))
    (own_folder / "empty").mkdir()
    (own_folder / "file").touch()
    (own_folder / "other").mkdir()
    os.mkfifo(own_folder / "other" / "pipe")  # of another program, and none of gradexp's business
    with pytest.raises(
        ValueError, match=rf"compare.folders must be folders of multiruns or of runs; got {name}, which"
    ):
        read_folders(["sweep", name])


def test_jobs_of_several_data_sets_are_refused(own_folder: Path) -> None:
    data: dict[str, Any] = {"data__path": ["a.csv", "b.csv"]}
    write_sweep(own_folder / "sweep", grid(**data, seed=[0, 1]))
    with pytest.raises(
        ValueError, match=r"compare.folders must be of one data set, .*; got .*Digits a.csv, .*Digits b.csv"
    ):
        read_folders(["sweep"])
