"""What runs in stacks and what runs alone, and how a sweep of stacks goes on after a kill."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from gradexp.app.composition import compose
from gradexp.app.vectorized import state_file
from gradexp.app.vectorized.launcher import VectorizedLauncher
from gradexp.app.vectorized.members import Preparation, Prepared
from gradexp.app.vectorized.shape import shape, why_alone
from gradexp.app.vectorized.state_file import StateFile
from gradexp.app.vectorized.task import StackTask
from gradexp.configuration.values import plain
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.steps import StackSteps
from gradexp.engine.threads import threads_of_one_run
from tests.app.vectorized.fitted import stack_sizes
from tests.command_line import call
from tests.parity.compare import compared
from tests.parity.sides import run
from tests.run_folder import checkpoint

SMALL = ("model.hidden=[4]", "trainer.max_epochs=2", "data.batch_size=200")
VECTORIZED = "hydra/launcher=vectorized"
ONE_PROCESS = "hydra.launcher.inner=basic"
JOBS = [[f"seed={seed}", *SMALL, "test=false"] for seed in range(4)]


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
        (("trainer.max_steps=5",), True),
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
        (("trainer.max_steps=5",), None),  # the data tell whether it ends an epoch
        (("trainer.accumulate_grad_batches=2",), "trainer.accumulate_grad_batches=2"),
        (("trainer.accumulate_grad_batches={0:1,1:2}",), "trainer.accumulate_grad_batches={0:1,1:2}"),
        (("trainer.check_val_every_n_epoch=null",), "trainer.check_val_every_n_epoch=null"),
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


def test_a_failing_job_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stack_sizes(monkeypatch)
    line = ("-m", "seed=0,1", "monitor=val/accuracy,val/mse", *SMALL, VECTORIZED, "hydra.sweep.dir=sweep")
    message = str(call(monkeypatch, *line, "+monitor_mode=max") or call(monkeypatch, *line, "monitor_mode=max"))
    assert "2 of 4 jobs have no result (2 failed)" in message
    assert [one["status"] for one in metrics("sweep")] == ["completed", "failed", "completed", "failed"]
    assert found == [4]


def test_a_job_that_cannot_be_prepared_stops_a_sweep_after_the_fits_of_its_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = Preparation.__call__

    def fail(self: Preparation, cfg: DictConfig) -> Prepared:
        if cfg.seed == 2:
            raise KeyError("seed")
        return prepare(self, cfg)

    monkeypatch.setattr(Preparation, "__call__", fail)
    schedules = ("scheduler=onecycle,cosine", "scheduler.warmup_steps=2")  # onecycle has its own warm-up
    line = (
        "-m",
        "seed=0,1",
        *schedules,
        *SMALL,
        VECTORIZED,
        ONE_PROCESS,
        "hydra.sweep.dir=sweep",
        "sweep.on_failure=stop",
    )
    assert "2 of 4 jobs have no result (1 failed, 1 interrupted)" in str(call(monkeypatch, *line))
    states = [json.loads(path.read_text())["status"] for path in Path("sweep").glob("*/metrics.json")]
    assert sorted(states) == ["completed", "completed", "failed"]
    capsys.readouterr()
    run(VectorizedLauncher(), JOBS, "odd")
    assert [one["status"] for one in metrics("odd")] == ["completed"] * 4
    assert "one by one: jobs of this shape, since they cannot be prepared: 'seed'\n" in capsys.readouterr().err


def test_what_is_recorded_of_a_diverged_job_does_not_depend_on_the_others() -> None:
    line = ["data=digits", "optimizer=sgd", *SMALL]
    run(VectorizedLauncher(), [[*line, "optimizer.lr=0.1"], [*line, "optimizer.lr=1e30"]], "sweep")
    fine, diverged = metrics("sweep")
    assert (fine["status"], diverged["status"]) == ("completed", "diverged")
    assert "samples/test" in fine
    assert "samples/test" not in diverged
    assert not any(key.startswith(("best/", "val/")) for key in diverged)


def test_memory_that_is_short_halves_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    take, found = StackSteps.take, stack_sizes(monkeypatch)

    def short(self: StackSteps, inputs: torch.Tensor, *arguments: Any) -> Any:
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return take(self, inputs, *arguments)

    run(VectorizedLauncher(), JOBS, "whole")
    monkeypatch.setattr(StackSteps, "take", short)
    run(VectorizedLauncher(), JOBS, "halves")
    assert found == [4, 4, 2, 2]
    assert metrics("halves") == metrics("whole")


def test_an_error_in_a_stack_leaves_its_jobs_to_the_ordinary_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("vmap: it looks like you are calling .item() on a Tensor\nmore")

    monkeypatch.setattr(StackSteps, "take", fail)
    run(VectorizedLauncher(), JOBS[:2], "sweep")
    words = (
        "one by one: jobs of this shape, since they cannot be batched: vmap: it looks like you are calling .item() on"
    )
    assert words in capsys.readouterr().err
    assert [one["status"] for one in metrics("sweep")] == ["completed"] * 2


def test_jobs_without_a_score_or_with_an_end_of_their_own() -> None:
    network, balanced = "model.hidden=[4] data.batch_size=200", "loss=bce loss.class_weight=balanced"
    diverging = "optimizer=sgd optimizer.lr=1e9 data.repeat=5"
    jobs = {
        f"{network} trainer.check_val_every_n_epoch=3": "completed",  # best.ckpt has no score
        f"{network} trainer.check_val_every_n_epoch=3 scheduler=plateau": "failed",  # its metric is never measured
        f"data=none model=function_descent monitor=train/loss {diverging}": "diverged",  # the network is one layer
        f"data=blobs model=mlp_from_scratch model.hidden=[4] {diverging}": "diverged",  # layers that are no modules
        f"{network} optimizer=sgd optimizer.lr=1e30": "diverged",  # before the first validation
        f"data=breast_cancer data.repeat=5 model=logistic_regression {balanced} seed=0": "completed",
        f"data=breast_cancer data.repeat=5 model=logistic_regression {balanced} seed=1": "completed",  # other weights
    }
    lines = [[*job.split(), "trainer.max_epochs=2", "test=false"] for job in jobs]
    verdicts = compared(lines, "jobs")
    assert [one.faults for one in verdicts] == [[]] * len(jobs)
    assert [one.status for one in verdicts] == list(jobs.values())
    assert [one.is_stacked for one in verdicts] == [status != "failed" for status in jobs.values()]


def test_a_job_records_the_one_thread_of_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with threads_of_one_run():
        torch.set_num_threads(2)
        _, returns = run(VectorizedLauncher(), [[*JOBS[0], "threads=3"]], "sweep")
    assert metrics("sweep")[0]["threads"] == checkpoint(Path("sweep/0"))["threads"] == 1
    notes = returns[0].return_value.notes
    assert "threads=3 has no effect: a stack of jobs has 1" in notes


@pytest.mark.slow
def test_a_killed_sweep_goes_on_from_the_last_boundary_to_the_same_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = ("-m", "seed=range(3)", "model.hidden=[4]", "trainer.max_epochs=4", "augmentation=affine", VECTORIZED)
    assert call(monkeypatch, *sweep, "hydra.sweep.dir=whole") is None
    monkeypatch.setattr(state_file, "EVERY", 0.0)
    cases: list[tuple[Any, str, int, list[int]]] = [
        (StackFit, "run_epoch", 3, [2, 3]),
        (StackTask, "_run", 3, []),
        (StateFile, "remove", 1, []),  # every job has ended, and the state is still there
    ]
    for owner, name, number, left in cases:
        with monkeypatch.context() as patch:
            folder = f"killed in {name}"
            dies_at_the_call(patch, owner, name, number)
            with suppress(KeyboardInterrupt):
                assert call(patch, *sweep, f"hydra.sweep.dir={folder}") is not None
        assert Path(folder, "2/metrics.json").exists() == (owner is StateFile)
        assert list(Path(folder, ".stacks").iterdir())
        with monkeypatch.context() as patch:
            epochs = epochs_from_now_on(patch)
            assert call(patch, "-m", f"sweep.resume={folder}") is None  # on the launcher that it ran on
        assert epochs == left
        assert metrics(folder) == metrics("whole")
        assert not Path(folder, ".stacks").exists()


def dies_at_the_call(patch: pytest.MonkeyPatch, owner: Any, name: str, number: int) -> None:
    original, calls = getattr(owner, name), 0

    def die(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise KeyboardInterrupt
        return original(self, *arguments)

    patch.setattr(owner, name, die)


def epochs_from_now_on(patch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the epochs that stacks are trained for."""
    found: list[int] = []
    run_epoch = StackFit.run_epoch

    def count(self: StackFit) -> None:
        found.append(self.epochs)
        run_epoch(self)

    patch.setattr(StackFit, "run_epoch", count)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`fork` start method:UserWarning", "ignore:.*multi-threaded:DeprecationWarning")
def test_parts_run_side_by_side_on_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    from joblib.externals.loky.backend import context

    monkeypatch.setattr(context, "_DEFAULT_START_METHOD", "fork")  # without imports, 7 seconds in each process
    line = ("-m", "seed=range(4)", *SMALL, "test=false", VECTORIZED, "hydra.sweep.dir=two")
    side_by_side = ("hydra.launcher.inner=joblib", "hydra.launcher.inner_options={n_jobs:2}")
    assert call(monkeypatch, *line, *side_by_side, "hydra.launcher.processes=2") is None
    run(VectorizedLauncher(), JOBS, "one")
    asked = {"asked_hash"}  # without a manifest, of the whole configuration
    alike = [
        [{key: value for key, value in one.items() if key not in asked} for one in metrics(of)] for of in ("one", "two")
    ]
    assert alike[0] == alike[1]
    assert len(json.loads(Path("two/manifest.json").read_text())["jobs"]) == 4


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("inner=jobib", "hydra.launcher.inner must be one of basic, forked, joblib, ray"),
        ("max_members=0", "hydra.launcher.max_members must be a whole number of at least 1, or null; got 0"),
        ("processes=0", "hydra.launcher.processes must be a whole number of at least 1; got 0"),
    ],
)
def test_options_out_of_range_are_named(option: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in str(call(monkeypatch, "-m", "seed=0,1", *SMALL, VECTORIZED, f"hydra.launcher.{option}"))
    assert not Path("outputs/sweeps").exists()
