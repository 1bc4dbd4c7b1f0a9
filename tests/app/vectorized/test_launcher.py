"""What runs in stacks and what runs alone, and how a sweep of stacks goes on after a kill."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from gradexp.app.composition import compose
from gradexp.app.vectorized import state_file
from gradexp.app.vectorized.shape import shape, why_alone
from gradexp.app.vectorized.task import StackTask
from gradexp.configuration.values import plain
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.steps import StackSteps
from tests.app.vectorized.comparison import differences
from tests.command_line import call

SMALL = ("model.hidden=[4]", "trainer.max_epochs=2", "data.batch_size=200")
VECTORIZED = "hydra/launcher=vectorized"


def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of members of each stack that is fitted from now on."""
    found: list[int] = []
    run = StackFit.run

    def record(self: StackFit, *arguments: Any) -> None:
        found.append(len(self.active))
        run(self, *arguments)

    monkeypatch.setattr(StackFit, "run", record)
    return found


def metrics(sweep: str) -> list[dict[str, Any]]:
    """The metrics of each job, without durations."""
    jobs = sorted((path for path in Path(sweep).iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    contents = [json.loads((job / "metrics.json").read_text()) for job in jobs]
    return [{key: value for key, value in one.items() if not key.startswith("seconds/")} for one in contents]


@pytest.mark.parametrize(
    ("overrides", "free"),
    [
        (("seed=3", "optimizer.lr=0.5", "optimizer.betas=[0.5,0.9]", "optimizer.weight_decay=0.1"), True),
        (("regularizer.l1=1e-3", "regularizer.l2=1e-3", "model.init=xavier_uniform", "trainer.max_epochs=3"), True),
        (("scheduler=cosine", "early_stopping.patience=2", "trainer.gradient_clip_val=1", "target_score=0.9"), True),
        (("data.split_seed=3",), True),
        (("data.folds=5", "data.fold=0"), False),
        (("model.hidden=[5]",), False),
        (("model.dropout=0.1",), False),  # another layer
        (("data.batch_size=16",), False),
        (("data.val_size=100",), False),
        (("optimizer=sgd",), False),
        (("optimizer.amsgrad=true",), False),
        (("trainer.log_every_n_steps=7",), False),
    ],
)
def test_what_the_members_of_a_stack_share(overrides: tuple[str, ...], free: bool) -> None:
    assert (shape(plain(compose(*overrides))) == shape(plain(compose()))) is free


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ((), None),
        (("trainer.max_steps=5",), "trainer.max_steps=5"),
        (("trainer.accumulate_grad_batches=2",), "trainer.accumulate_grad_batches=2"),
        (("trainer.precision=bf16-mixed",), "trainer.precision=bf16-mixed"),
        (("+trainer.limit_train_batches=2",), "trainer.limit_train_batches"),
        (("+metrics=f1",), "metrics"),
        (("+callbacks=sparsity",), None),
        (("augmentation=affine",), None),
        (("figures=true",), "figures=true"),
        (("task=audit",), "task=audit"),
    ],
)
def test_what_a_configuration_says_of_running_alone(overrides: tuple[str, ...], reason: str | None) -> None:
    assert why_alone(plain(compose(*overrides))) == reason


def test_jobs_of_several_shapes_and_jobs_alone_in_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sizes(monkeypatch)
    sweep = ("model.hidden=[4],[5]", "optimizer=adam,lbfgs,sgd", "seed=0,1", *SMALL[1:])
    for launcher in ("basic", "vectorized"):
        assert call(monkeypatch, "-m", *sweep, f"hydra/launcher={launcher}", f"hydra.sweep.dir={launcher}") is None
    assert sorted(found) == [2, 2, 2, 2]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("one by one")]
    assert lines == ["one by one: jobs of this shape, since LBFGS evaluates the objective several times a step"] * 2
    for job in range(12):
        assert differences(Path(f"basic/{job}"), Path(f"vectorized/{job}")) == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.batch_norm=true", "it has buffers"),
        ("data.memory_limit=0", "its data are streamed"),
        ("+callbacks=diagnostics", r"Diagnostics acts within the fit \(on_"),
        ("model._target_=gradexp.models.Rosenblatt", "Rosenblatt computes its own gradients"),
    ],
)
def test_what_cannot_be_batched_runs_alone_and_says_why(
    override: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("data=separable", "data.val_size=20") if "Rosenblatt" in override else ()
    short = ("seed=0,1", "trainer.max_epochs=1", *data, *(() if data else ("model.hidden=[4]",)))
    optimizer = ("optimizer=sgd",) if data else ()
    assert call(monkeypatch, "-m", *short, *optimizer, override, VECTORIZED, "hydra.sweep.dir=sweep") is None
    err = capsys.readouterr().err
    assert re.search(rf"^one by one: jobs of this shape, since .*{words}", err, re.MULTILINE)
    assert [one["status"] for one in metrics("sweep")] == ["completed"] * 2


def test_a_failing_job_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("-m", "seed=0,1", "monitor=val/accuracy,val/typo", *SMALL, VECTORIZED, "hydra.sweep.dir=sweep")
    message = str(call(monkeypatch, *line, "+monitor_mode=max") or call(monkeypatch, *line, "monitor_mode=max"))
    assert "2 of 4 jobs have no result (2 failed)" in message
    assert [one["status"] for one in metrics("sweep")] == ["completed", "failed", "completed", "failed"]


def test_memory_that_is_short_halves_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    take, found = StackSteps.take, sizes(monkeypatch)

    def short(self: StackSteps, inputs: torch.Tensor, *arguments: Any) -> Any:
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return take(self, inputs, *arguments)

    assert call(monkeypatch, "-m", "seed=range(4)", *SMALL, VECTORIZED, "hydra.sweep.dir=whole") is None
    monkeypatch.setattr(StackSteps, "take", short)
    assert call(monkeypatch, "-m", "seed=range(4)", *SMALL, VECTORIZED, "hydra.sweep.dir=halves") is None
    assert found == [4, 4, 2, 2]
    assert metrics("halves") == metrics("whole")


def test_an_error_in_a_stack_leaves_its_jobs_to_the_ordinary_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("vmap: it looks like you are calling .item() on a Tensor\nmore")

    monkeypatch.setattr(StackSteps, "take", fail)
    assert call(monkeypatch, "-m", "seed=0,1", *SMALL, VECTORIZED, "hydra.sweep.dir=sweep") is None
    words = (
        "one by one: jobs of this shape, since they cannot be batched: vmap: it looks like you are calling .item() on"
    )
    assert words in capsys.readouterr().err
    assert [one["status"] for one in metrics("sweep")] == ["completed"] * 2


@pytest.mark.parametrize("dies_in", ["fit", "ends"])
def test_a_killed_sweep_goes_on_from_the_last_boundary_to_the_same_ends(
    dies_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = ("-m", "seed=range(3)", "model.hidden=[4]", "trainer.max_epochs=4", "augmentation=affine", VECTORIZED)
    assert call(monkeypatch, *sweep, "hydra.sweep.dir=whole") is None
    monkeypatch.setattr(state_file, "EVERY", 0.0)
    owner, name = (StackFit, "run_epoch") if dies_in == "fit" else (StackTask, "_run")
    original, calls = getattr(owner, name), 0

    def die(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        with suppress(KeyboardInterrupt):
            assert call(patch, *sweep, "hydra.sweep.dir=killed") is not None
    assert not Path("killed/2/metrics.json").exists()
    epochs: list[int] = []
    run_epoch = StackFit.run_epoch

    def count(self: StackFit) -> None:
        epochs.append(self.epochs)
        run_epoch(self)

    monkeypatch.setattr(StackFit, "run_epoch", count)
    assert call(monkeypatch, "-m", VECTORIZED, "sweep.resume=killed") is None
    assert epochs == ([2, 3] if dies_in == "fit" else [])
    assert metrics("killed") == metrics("whole")
    assert not list(Path("killed/.stacks").glob("*"))


@pytest.mark.slow
def test_parts_run_side_by_side_on_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = ("-m", "seed=range(5)", *SMALL, VECTORIZED)
    side_by_side = ("hydra.launcher.inner=joblib", "hydra.launcher.inner_options={n_jobs:2}")
    assert call(monkeypatch, *sweep, "hydra.sweep.dir=one") is None
    assert call(monkeypatch, *sweep, *side_by_side, "hydra.launcher.processes=2", "hydra.sweep.dir=two") is None
    assert metrics("one") == metrics("two")
    assert len(json.loads(Path("two/manifest.json").read_text())["jobs"]) == 5


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("inner=jobib", "hydra.launcher.inner must be one of basic, joblib, ray"),
        ("max_members=0", "hydra.launcher.max_members must be a whole number of at least 1, or null; got 0"),
        ("processes=0", "hydra.launcher.processes must be a whole number of at least 1; got 0"),
    ],
)
def test_options_out_of_range_are_named(option: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in str(call(monkeypatch, "-m", "seed=0,1", *SMALL, VECTORIZED, f"hydra.launcher.{option}"))
    assert not Path("outputs/sweeps").exists()
