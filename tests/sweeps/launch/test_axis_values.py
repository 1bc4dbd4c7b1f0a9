"""An axis without values is an error that names the key and what was typed, whatever the sweeper."""

from pathlib import Path

import pytest

from gradexp.sweeps.launch.axis_values import axis_values
from tests.command_line import call
from tests.hydra_jobs import composing

EMPTY = {
    "optimizer=glob(z*)": "optimizer must have at least one value; got optimizer=glob(z*), which has none. Options of",
    "optimizer=glob(*,exclude=*)": "optimizer must have at least one value",
    "+experiment=glob(z*)": "+experiment must have at least one value; got +experiment=glob(z*)",
    "seed=glob(*)": "seed is not a group of options",
    "seed=range(3,3)": "seed must have at least one value; got seed=range(3,3), which has none.",
    "seed=range(5,1)": "seed must have at least one value",
    "seed=range(1,5,-1)": "seed must have at least one value",
    "seed=shuffle(range(3,3))": "seed must have at least one value",
    "optimizer.lr=range(0.5,0.5,0.1)": "optimizer.lr must have at least one value",
    "optimizer.lr=range(0,1,0)": "optimizer.lr must have a range with a step above or below 0",
    "optimizer.lr=interval(0.1,1)": "optimizer.lr must have several values",
}
COUNTED = {
    "seed=range(0,1000000000)": "seed must have at most 100,000 values; got seed=range(0,1000000000), which has",
    "seed=range(0,3,1e-320)": "seed must have at most 100,000 values; got seed=range(0,3,1e-320), which has 3.0e+320.",
    "seed=shuffle(range(100001))": "which has 100,001.",
    "seed=range(0,inf)": "seed must have a range of finite numbers, such as range(1,4); got seed=range(0,inf).",
    "seed=range(1,-inf,-1)": "seed must have a range of finite numbers",
    "seed=range(0,nan)": "seed must have a range of finite numbers",
    "seed=range(nan,3)": "seed must have a range of finite numbers",
    "seed=range(0,3,nan)": "seed must have a range of finite numbers",
    "optimizer.lr=range(0,1,0.1),5": "optimizer.lr must have a list of values, such as 0.1,0.2, or one range",
    "optimizer.lr=5,interval(0,1)": "optimizer.lr must have a list of values, such as 0.1,0.2, or one range",
    "optimizer=adam,glob(*)": "optimizer must have a list of values",
    "model.hidden=[range(1,3)],[5]": "model.hidden must have a list of values",
}
REFUSED_BY_HYDRA = {
    "optimizer.lr=choice()": "optimizer.lr must be a value that Hydra can read; got choice()",
    "optimizer.lr=sort()": "optimizer.lr must be a value that Hydra can read; got sort()",
    "optimizer.lr=0.1,": "optimizer.lr must be a value that Hydra can read; got 0.1,",
}


def test_an_axis_has_values() -> None:
    with composing() as (composer, _):
        for line, words in {**EMPTY, **COUNTED}.items():
            (override,) = composer.parser.parse_overrides([line])
            with pytest.raises(ValueError) as caught:  # noqa: PT011  # the words are compared below
                axis_values(override)
            assert words in str(caught.value), line
        (some,) = composer.parser.parse_overrides(["optimizer=glob(ada*)"])
        assert axis_values(some) == ["adagrad", "adam", "adamw"]


def test_the_values_of_a_range_are_counted_exactly() -> None:
    with composing() as (composer, _):
        for text, count in {
            "range(100000)": 100_000,
            "range(100000,0,-1)": 100_000,
            "range(0,1,0.00001)": 100_000,
            "range(0.5,2.1,0.25)": 7,
        }.items():
            (override,) = composer.parser.parse_overrides([f"seed={text}"])
            assert len(axis_values(override)) == count


@pytest.mark.parametrize("sweeper", ["grid", "basic"])
def test_the_jobs_of_all_axes_are_counted_before_any_is_made(
    sweeper: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = call(monkeypatch, "-m", f"hydra/sweeper={sweeper}", "seed=range(0,90000)", "threads=range(1,90000)")
    assert "seed, threads must span at most 100,000 jobs; got 8,099,910,000: seed has 90,000 values" in str(message)
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize("sweeper", ["grid", "basic", "search"])
def test_an_axis_without_values_ends_the_command_before_anything_is_written(
    sweeper: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line, words in {**EMPTY, **REFUSED_BY_HYDRA, **dict(list(COUNTED.items())[::4])}.items():
        if sweeper == "search" and "interval" in line:
            continue
        message = call(monkeypatch, "-m", f"hydra/sweeper={sweeper}", "trainer.max_epochs=1", line)
        assert words in str(message), line
    assert list(own_folder.iterdir()) == []


def test_an_axis_of_a_file_has_values_too(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for axes, words in {
        "{seed:[]}": "sweep.axes.seed must be a list of values",
        "{optimizer.lr:{optimizer:{}}}": "sweep.axes.optimizer.lr must be a list of values",
        "{optimizer.lr:{optimizer:{adam:[]}}}": "sweep.axes.optimizer.lr must be a list of values",
        "{optimizer.lr:{optimizer:{adan:[0.1]}}}": "options of optimizer; got adan, which is none. Did you mean adam?",
    }.items():
        assert words in str(call(monkeypatch, "-m", f"+sweep.axes={axes}")), axes
    assert list(own_folder.iterdir()) == []
