"""What is read of a run: the command that repeats it, what differs from the default, its state."""

import subprocess
from pathlib import Path

import yaml

from gradexp.sweeps.report.run.run_files import changed_keys, is_run, read_run
from tests.sweeps.folders import grid, write_curve, write_sweep

ODD = [
    "name=it's",
    'data.path="a b"',
    "model.hidden=[200, 200]",
    "x=$(touch made)`touch made`",
    "y=a;b&c|d>made",
    "z=ä\n'",
]


def test_the_command_gives_a_shell_what_was_typed(tmp_path: Path) -> None:
    job = write_sweep(tmp_path / "sweep", grid(seed=[0])) / "0"
    record = job / ".hydra"
    (record / "overrides.yaml").write_text(yaml.safe_dump(ODD))
    hydra = {"job": {"config_name": "my config"}, "runtime": {"cwd": "/some where", "config_sources": [
        {"path": "gradexp.conf", "schema": "pkg", "provider": "main"},
        {"path": "/my conf", "schema": "file", "provider": "command-line"},
    ]}}  # fmt: skip
    (record / "hydra.yaml").write_text(yaml.safe_dump({"hydra": hydra}))
    (record / "resumed_2026").mkdir()
    (record / "resumed_2026" / "overrides.yaml").write_text(yaml.safe_dump(["ckpt_path=a b.ckpt"]))
    run = read_run(job)
    assert run.typed_in == "/some where"
    options = ["--config-name", "my config", "--config-dir", "/my conf"]
    for command, typed in zip(run.commands, (ODD, ["ckpt_path=a b.ckpt"]), strict=True):
        assert command.startswith("python -m gradexp --config-name ")
        printed = command.replace("python -m gradexp", r"printf '%s\0'", 1)
        shell = subprocess.run(["bash", "-c", printed], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert shell.stdout.split("\0")[:-1] == [*options, *typed]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]


def test_the_keys_that_differ_are_told_with_both_values() -> None:
    default = {"a": 1, "lr": 0.1, "hidden": [1], "task": "train", "section": {}, "gone": "x", "monitor_mode": None}
    config = {"a": 1.0, "lr": 0.1, "hidden": [1, 2], "task": "test", "section.x": "a b", "monitor_mode": "max"}
    assert changed_keys(config, default) == [
        ("a", "1", "1.0"),
        ("hidden", "[1]", "[1,2]"),
        ("gone", "x", ""),
        ("section.x", "", "'a b'"),
    ]
    assert changed_keys(default, default) == []


def test_a_run_is_told_from_a_multirun_and_an_unfinished_one_has_no_metrics(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "sweep", grid(seed=[0, 1]), {1: {}})
    assert not is_run(folder)
    assert is_run(folder / "0")
    write_curve(folder / "1", "val/loss", [2.0, 1.0])
    run = read_run(folder / "1")
    assert (run.status, run.metrics, run.checkpoint) == ("interrupted", {}, None)
    assert run.curves["val/loss"] == ([0, 1], [2.0, 1.0])
    assert read_run(folder / "0").status == "completed"
