"""The inner parts of a manifest are checked once, as it is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from gradexp.sweeps.plan.manifest import FORMAT, Manifest, differences

JOB: dict[str, Any] = {"folder": "0", "stage": "grid", "overrides": ["seed=0"], "settings": {"seed": 0}}
WHOLE: dict[str, Any] = {
    "format": FORMAT, "axes": ["seed"], "name": "default", "monitor": "val/accuracy", "on_failure": "continue",
    "command": ["seed=0,1"], "base": {}, "varying": ["seed"], "monitor_mode": "max", "jobs": {"ab": JOB},
}  # fmt: skip


def write(folder: Path, **changes: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps(WHOLE | changes))


def test_the_whole_one_is_read_with_keys_of_later_versions_left_out(own_folder: Path) -> None:
    write(own_folder, later=3)
    manifest = Manifest.read(own_folder)
    assert manifest is not None
    assert (manifest.jobs["ab"].folder, manifest.axes, manifest.command) == ("0", ["seed"], ["seed=0,1"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": 3}, "its name must be a str; got 3"),
        ({"command": "seed=0,1"}, "its command must be a list; got 'seed=0,1'"),
        ({"command": [3]}, "its command must be a list of texts; got [3]"),
        ({"varying": [None]}, "its varying must be a list of texts"),
        ({"base": []}, "its base must be a dict; got []"),
        ({"on_failure": "run"}, "its on_failure must be one of continue, stop; got 'run'"),
        ({"monitor_mode": ["max"]}, "its monitor_mode must be one of None, max, min; got ['max']"),
        ({"jobs": [JOB]}, "its jobs must be a dict"),
        ({"jobs": {"ab": 3}}, "the folder of job ab must be a number of its own; got None"),
        ({"jobs": {"ab": JOB, "cd": JOB}}, "the folder of job cd must be a number of its own; got '0'"),
        ({"jobs": {"ab": JOB | {"stage": 3}}}, "the stage of job ab must be one of grid, final, superseded; got 3"),
        ({"jobs": {"ab": JOB | {"overrides": "x"}}}, "the overrides of job ab must be a list of texts; got 'x'"),
        ({"jobs": {"ab": JOB | {"overrides": [1]}}}, "the overrides of job ab must be a list of texts; got [1]"),
        ({"jobs": {"ab": JOB | {"settings": []}}}, "the settings of job ab must be an object; got []"),
        *(
            ({"jobs": {"ab": JOB | {"folder": folder}}}, f"job ab must be a number of its own; got {folder!r}")
            for folder in ("../outside", "/tmp/outside", "", ".", "..", "0/../..", "a", "-1", "0 ", 0, None, "9" * 10)
        ),
    ],
)  # fmt: skip
def test_a_wrong_part_gets_one_message_with_the_path(changes: dict[str, Any], words: str, own_folder: Path) -> None:
    write(own_folder, **changes)
    with pytest.raises(ValueError, match=r"^\S+/manifest\.json must be a manifest that a sweep wrote; ") as caught:
        Manifest.read(own_folder)
    assert words in str(caught.value)


def test_values_that_are_not_finite_are_compared_as_they_are_written(own_folder: Path) -> None:
    Manifest("a", "m", "continue", [], {"delta": float("inf")}, []).write(own_folder)
    manifest = Manifest.read(own_folder)
    assert manifest is not None
    assert manifest.base == {"delta": None}
    assert differences(manifest.base, {"delta": float("inf")}, set()) == []
