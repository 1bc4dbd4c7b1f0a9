"""An attempt that fails before its first step leaves no folder of its own making; what has been trained is kept."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from gradexp import run
from gradexp.callbacks import Divergence
from tests.command_line import call

TINY = ("data=blobs", "model.hidden=[3]", "trainer.max_epochs=2", "figures=false", "test=false", "progress=false")


def failing(*_: Any, **__: Any) -> None:
    raise ValueError("seed must be another one; got this one.")


def folders() -> list[str]:
    return [path.name for path in Path().glob("outputs/*/*")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["data.batch_size=99999"], "data.batch_size must be at most"),  # found when the data is there
        (["data=diabetes", "model=softmax_regression"], "model must predict numbers"),
        (["task=predict", "ckpt_path=empty.ckpt"], "ckpt_path must be a whole checkpoint"),
    ],
    ids=str,
)
def test_nothing_is_left_of_an_attempt_without_a_step(
    wrong: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("empty.ckpt").touch()
    assert words in str(call(monkeypatch, *wrong))
    assert folders() == []
    assert not Path("outputs").exists()


def test_nothing_is_left_of_a_comparison_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("one/checkpoints").mkdir(parents=True)
    Path("outputs/compare/mine").mkdir(parents=True)
    line = ("task=compare", "compare.folders=[one]")
    assert "compare.folders must be" in str(call(monkeypatch, *line))
    assert [path.name for path in Path("outputs/compare").iterdir()] == ["mine"]
    Path("outputs/compare/mine").rmdir()
    Path("outputs/compare").rmdir()
    assert "compare.folders must be" in str(call(monkeypatch, *line))
    assert list(Path("outputs").iterdir()) == [], "it was there before"


@pytest.mark.parametrize(("hook", "is_kept"), [("on_fit_start", False), ("on_train_epoch_end", True)])
def test_an_interruption_before_the_first_step_leaves_nothing(
    hook: str, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Divergence, hook, interrupted, raising=False)
    assert call(monkeypatch, *TINY) == 130
    assert len(folders()) == is_kept
    assert Path("outputs").exists() == is_kept


@pytest.mark.parametrize(("hook", "is_kept"), [("on_fit_start", False), ("on_train_epoch_end", True)])
def test_only_steps_are_worth_keeping(hook: str, is_kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Divergence, hook, failing, raising=False)
    assert "seed must be another one" in str(call(monkeypatch, *TINY))
    assert len(folders()) == is_kept


def test_a_folder_that_was_there_before_keeps_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine").mkdir()
    assert "data.batch_size must be" in str(call(monkeypatch, *TINY, "data.batch_size=9999", "hydra.run.dir=mine"))
    assert json.loads(Path("mine/metrics.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("is_python", [False, True])
def test_a_typed_folder_goes_with_the_attempt_that_made_it(is_python: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    line = (*TINY, "data.batch_size=9999", "hydra.run.dir=new/mine", "hydra.output_subdir=theirs")
    for _ in range(2):
        if is_python:
            with pytest.raises(ValueError, match=r"data\.batch_size must be"):
                run(*line)
        else:
            assert "data.batch_size must be" in str(call(monkeypatch, *line))
        assert not Path("new").exists(), "it was made for the attempt"


def test_a_typed_folder_with_a_file_of_others_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def writing(*_: Any, **__: Any) -> None:
        Path("mine/notes.txt").touch()
        failing()

    monkeypatch.setattr(Divergence, "on_fit_start", writing, raising=False)
    assert "seed must be another one" in str(call(monkeypatch, *TINY, "hydra.run.dir=mine"))
    assert {"notes.txt", "metrics.json"} <= {path.name for path in Path("mine").iterdir()}


def test_a_finished_run_outlives_failed_attempts_and_says_that_nothing_was_left_to_train(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *TINY) is None
    (finished,) = folders()
    last = f"ckpt_path=outputs/default/{finished}/checkpoints/last.ckpt"
    capsys.readouterr()
    assert call(monkeypatch, last, "figures=false", "progress=false") is None
    assert "nothing was left to train: trainer.max_epochs=2 is reached\n" in capsys.readouterr().out
    assert "seed must stay 0 when a run is resumed" in str(call(monkeypatch, last, "seed=1"))
    assert folders() == [finished]
    assert call(monkeypatch, "task=test", last, "figures=false", "progress=false") is None
    assert re.search(r"^tested weights +epoch 2", capsys.readouterr().out, re.MULTILINE)
