"""A sweep whose jobs resume a run has no axis that a resume refuses: that is said before anything is written."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gradexp import run
from gradexp.app.composer import Composer
from gradexp.app.resumed_jobs import check_kept
from tests.command_line import call
from tests.hydra_jobs import composing

BASE = ("data=blobs", "data.num_samples=40", "model=small_mlp", "trainer.max_epochs=1", "test=false", "figures=false")


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checkpoint of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    run(*BASE, f"hydra.run.dir={folder}")
    return f"ckpt_path={folder}/checkpoints/last.ckpt"


@pytest.fixture
def composer() -> Iterator[Composer]:
    with composing() as (found, _):
        yield found


REFUSED = (
    "seed=0,1", "data.split_seed=3,4", "data.val_size=0.5,0.2", "model.hidden=[5],[8]", "model=small_mlp,mlp_regressor",
    "monitor=val/accuracy,val/loss", "optimizer=adam,sgd", "optimizer._target_=torch.optim.SGD,torch.optim.Adam",
    "+trainer.limit_train_batches=2,3", "freeze=[],[linear_1]",
)  # fmt: skip
TAKEN = (
    "optimizer.lr=0.5,0.1",
    "trainer.max_epochs=3,4",
    "regularizer.l1=0.1,0.2",
    "test=true,false",
    "seed=1",
    "seed=0",
)


def check(composer: Composer, *line: str, preset: Mapping[str, Any] | None = None) -> None:
    check_kept(line, preset or {}, composer, is_search=False)


@pytest.mark.parametrize("line", REFUSED)
def test_what_a_resume_refuses_is_no_axis(line: str, last: str, composer: Composer) -> None:
    key = line.lstrip("+").partition("=")[0].removesuffix("._target_")
    with pytest.raises(ValueError, match=f"^{key} must stay .* when a run is resumed, because"):
        check(composer, last, "optimizer.lr=0.5,0.1", line)


def test_what_a_resume_takes_is_an_axis(last: str, composer: Composer) -> None:
    check(composer, last, *TAKEN[:4])
    for line in TAKEN:
        check(composer, last, line)
    check(composer, "ckpt_path=gone.ckpt", "seed=0,1")  # the job says so
    check(composer, last, "task=test", "seed=0,1")


def test_the_axes_of_presets_count_unless_their_key_is_typed(last: str, composer: Composer) -> None:
    preset = {"optimizer.lr": {"optimizer": {"adam": [0.1], "sgd": [0.2]}}, "model.hidden": [[8], [9]]}
    with pytest.raises(ValueError, match=r"^model.hidden must stay \[8\] .*; got \[9\]"):
        check(composer, last, preset=preset)
    check(composer, last, "model.hidden=[8]", preset=preset)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (["optimizer.lr=0.1,0.2", "seed=0,1"], r"seed must stay 0 when .*; got 1"),
        (["hydra/sweeper=basic", "seed=0,1"], r"seed must stay 0 when .*; got 1"),
        (["+sweep.axes={model.hidden:[[8],[9]]}"], r"model.hidden must stay \[8\] when .*; got \[9\]"),
    ],
    ids=str,
)  # fmt: skip
def test_the_plan_refuses_it_in_one_line_and_writes_nothing(
    axes: list[str], words: str, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = str(call(monkeypatch, "-m", last, "figures=false", *axes))
    assert re.match(f"error: {words}", message), message
    assert "\n" not in message
    assert list(Path().iterdir()) == []


def test_the_trials_of_a_search_keep_the_seed(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    line = ("-m", "hydra/sweeper=optuna", last, "optimizer.lr=interval(0.1,0.2)", "sweep.dry_run=true")
    message = str(call(monkeypatch, *line))
    assert message.startswith("error: search.seeds must be 1, and search.fresh 0, for trials that resume a run")
    assert call(monkeypatch, *line, "search.seeds=1", "search.fresh=0") is None
