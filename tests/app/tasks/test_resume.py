"""What a resumed fit refuses, by name, and when nothing is left to train."""

import copy
import hashlib
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import Strategy
from omegaconf import OmegaConf

from gradexp import Result, run
from gradexp.app.assembly import build_data, build_model
from gradexp.app.tasks.resume import resumption
from gradexp.configuration.values import plain
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.step_seed import StepSeed
from gradexp.models import AbstractModule
from tests.app.plain_modules import Plain
from tests.command_line import call
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import checkpoint, events
from tests.sweeps.small import RESUMED, SMALL
from tests.sweeps.small import metrics as sweep_metrics

pytestmark = pytest.mark.slow

BASE = (
    "data=blobs", "data.num_samples=100", "data.batch_size=16", "model=small_mlp", "figures=false",
    "trainer.accelerator=cpu", "trainer.max_epochs=2",
)  # fmt: skip
ONECYCLE = ("optimizer=sgd", "scheduler=onecycle")
STEP = ("optimizer=momentum", "scheduler=step")

First = Callable[..., Result]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """A finished run with the given settings, made once for each."""
    return cache(lambda *settings: run(*BASE, *settings, f"hydra.run.dir={tmp_path_factory.mktemp('first')}"))


def state_of(folder: Path) -> dict[str, str]:
    """A hash of each file in a run's folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def resume(saved: dict[str, Any], changes: Mapping[str, Any]) -> Any:
    """What is decided on a resume of a checkpoint with other settings; None deletes a key."""
    config = copy.deepcopy(saved["config"]) | {"ckpt_path": "run/checkpoints/last.ckpt"}
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = config
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
    cfg = OmegaConf.create(config)
    model = build_model(OmegaConf.create(saved["config"]), build_data(OmegaConf.create(saved["config"])))
    assert isinstance(model, AbstractModule)
    return resumption(plain(cfg), saved, model)


SEVEN = ("trainer.max_steps=7",)  # steps, two of them in the second epoch
MORE = {"trainer.max_epochs": 4}
SWA = {"_target_": "lightning.pytorch.callbacks.StochasticWeightAveraging", "swa_lrs": 0.1}
PRUNING = {"_target_": "lightning.pytorch.callbacks.ModelPruning", "pruning_fn": "l1_unstructured"}
STOPPING = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "val/loss"}
STEP_LR = {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 1, "interval": "epoch"}
REFUSED: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    # What draws the samples and their order.
    ((), {"seed": 1}, "seed must stay 0 .*; got 1"),
    ((), {"data.val_size": 0.3}, "data.val_size must stay 0.2 .*; got 0.3"),
    ((), {"data.folds": 5, "data.fold": 0}, "data.fold must stay null .* held out; got 0"),
    (("data.folds=3", "data.fold=1"), {"data.fold": 2}, "data.fold must stay 1 .* held out; got 2"),
    ((), {"data.split_seed": 4}, "data.split_seed must stay null .* held out; got 4"),
    ((), {"data.num_samples": 99}, "data.num_samples must stay 100 .*; got 99"),
    ((), {"data.shuffle": False}, "data.shuffle must stay true .*; got false"),
    ((), {"data.repeat": 2}, "data.repeat must stay 1 .*; got 2"),
    ((), {"data._target_": "gradexp.data.Digits"}, "data must stay gradexp.data.Blobs .*; got gradexp.data.Digits"),
    ((), {"trainer.limit_train_batches": 0.5}, "trainer.limit_train_batches must stay absent .*; got 0.5"),
    ((), {"trainer.overfit_batches": 1}, "trainer.overfit_batches must stay absent .*; got 1"),
    # What the weights are, and by what best.ckpt is chosen.
    ((), {"model.hidden": [9]}, r"model.hidden must stay \[8\] .*; got \[9\]"),
    ((), {"model.activation": "relu"}, "model.activation must stay tanh .*; got relu"),
    ((), {"model.init": "normal"}, "model.init must stay default .*; got normal"),
    ((), {"model._target_": "gradexp.models.SoftmaxRegression"}, "model must stay gradexp.models.MLPClassifier .*"),
    ((), {"monitor": "val/loss", "monitor_mode": "min"}, "monitor must stay val/accuracy .*; got val/loss"),
    ((), {"trainer.precision": "bf16-mixed"}, "trainer.precision must stay '32-true' .*; got bf16-mixed"),
    ((), {"trainer.limit_val_batches": 1}, "trainer.limit_val_batches must stay absent .*; got 1"),
    # States of another class.
    ((), {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}}, "optimizer must stay torch.optim.Adam .*SGD"),
    ((), {"scheduler": STEP_LR}, "scheduler must stay null .*; got torch.optim.lr_scheduler.StepLR"),
    ((), {"scheduler.warmup_steps": 5}, "scheduler.warmup_steps must stay 0 .*; got 5"),
    (STEP, {"scheduler": {"_target_": None}}, "scheduler must stay torch.optim.lr_scheduler.StepLR .*; got null"),
    (STEP, {"scheduler.interval": "step"}, "scheduler.interval must stay epoch .*; got step"),
    ((), {"loss": {"_target_": "torch.nn.MultiMarginLoss"}}, "loss must stay null .*; got torch.nn.MultiMarginLoss"),
    ((), {"loss.class_weight": "balanced"}, "loss.class_weight must stay null .*; got balanced|must stay absent"),
    # Numbers that are read once.
    ((), {"optimizer.amsgrad": True}, "optimizer.amsgrad must stay false .*; got true"),
    ((), {"optimizer.fused": False}, "optimizer.fused must stay true .*; got false"),
    ((), {"optimizer.no_decay": ["bias"]}, r"optimizer.no_decay must stay null .*; got \[bias\]"),
    (("optimizer=rmsprop",), {"optimizer.momentum": 0.5}, "optimizer.momentum must stay 0.0 .*; got 0.5"),
    (("optimizer._target_=torch.optim.ASGD",), {"optimizer.lr": 0.5}, "optimizer.lr must stay 0.01 .*; got 0.5"),
    # A schedule over the whole fit.
    (ONECYCLE, {"optimizer.lr": 0.5}, "optimizer.lr must stay 0.1 .*OneCycleLR.*; got 0.5"),
    (ONECYCLE, MORE, "trainer.max_epochs must stay 2 .*OneCycleLR.*; got 4"),
    (ONECYCLE, {"trainer.max_steps": 20}, "trainer.max_steps must stay -1 .*OneCycleLR.*; got 20"),
    (ONECYCLE, {"data.batch_size": 20}, "data.batch_size must stay 16 .*OneCycleLR.*; got 20"),
    (ONECYCLE, {"trainer.accumulate_grad_batches": {0: 2}}, r"trainer.accumulate_grad_batches must stay 1 .*{0:2}"),
    (ONECYCLE, {"scheduler.pct_start": 0.5}, "scheduler.pct_start must stay 0.3 .*; got 0.5"),
    # The place of a batch within its epoch.
    (SEVEN, {"trainer.max_steps": 9, "data.batch_size": 8}, "data.batch_size must stay 16 .*within an epoch; got 8"),
    (SEVEN, {"trainer.max_steps": 9, "trainer.accumulate_grad_batches": 2}, "must stay 1 .*within an epoch; got 2"),
    (SEVEN, {"trainer.max_steps": 9, "metrics.r._target_": "torchmetrics.Recall"}, "metrics.r must stay absent"),
    # A score that depends on the change.
    (("monitor=val/loss",), {"loss.label_smoothing": 0.1}, "loss.label_smoothing .* because monitor=val/loss"),
    (("monitor=train/objective",), {"regularizer.l1": 0.1}, "regularizer.l1 .* because monitor=train/objective"),
    # Callbacks.
    ((), {"callbacks.swa": SWA}, "callbacks.swa must stay absent .*StochasticWeightAveraging is not known"),
    # Limits that were passed.
    ((), {"trainer.max_epochs": 1}, "trainer.max_epochs must be at least 2, .*; got 1.*task=test"),
    ((), {"trainer.max_steps": 9}, "trainer.max_steps must be at least 10, .*; got 9.*task=test"),
    # Nothing left to train.
    ((), {"optimizer.lr": 0.5}, "optimizer.lr has no effect: nothing is left to train, as trainer.max_epochs=2 is"),
    ((), MORE | {"callbacks.prune": PRUNING}, "callbacks.prune must stay absent"),
    ((), MORE | {"callbacks.stop": STOPPING}, "callbacks.stop must stay absent .*EarlyStopping is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "typed", "message"), REFUSED, ids=[str(row[1]) for row in REFUSED])
def test_a_change_is_refused_by_its_name(
    settings: tuple[str, ...], typed: dict[str, Any], message: str, first: First
) -> None:
    with pytest.raises(ValueError, match=message):
        resume(checkpoint(first(*settings).folder), typed)


@pytest.mark.parametrize(
    ("typed", "end", "listed"),
    [
        ({"trainer.max_epochs": 2}, "trainer.max_epochs=2 is reached", []),
        ({"trainer.max_steps": 10}, "trainer.max_epochs=2 is reached", []),
        ({"trainer.max_steps": 10, "trainer.max_epochs": -1}, "trainer.max_steps=10 is reached", []),
        ({"trainer.max_epochs": -1, "trainer.max_steps": 11}, "", []),
        ({"trainer.max_epochs": 3}, "", []),
        ({"trainer.log_every_n_steps": 7, "test": False, "name": "other", "data.num_workers": 2}, "trainer.max", []),
        ({"metrics.recall._target_": "torchmetrics.Recall"}, "trainer.max_epochs=2 is reached", []),
        (MORE | {"callbacks.sparsity._target_": "gradexp.callbacks.Sparsity"}, "", []),
        (MORE | {"target_score": 0.9}, "", ["target_score"]),
        (MORE | {"early_stopping.min_delta": 0.1}, "", ["early_stopping.min_delta"]),
        (MORE | {"optimizer.lr": 0.001, "optimizer.eps": 1e-8, "optimizer.maximize": False}, "", []),  # as before
    ],
)
def test_what_is_left_to_train_and_what_is_listed(
    typed: dict[str, Any], end: str, listed: list[str], first: First
) -> None:
    found = resume(checkpoint(first().folder), typed)
    assert found.end.startswith(end)
    assert bool(found.end) == bool(end)
    assert [change.key for change in found.changes] == listed


def numbers(result: Result) -> dict[str, Any]:
    """metrics.json without durations and the hash of the command."""
    return {name: v for name, v in result.metrics.items() if not name.startswith(("seconds/", "asked_hash"))}


def copied(result: Result, folder: str) -> str:
    """Copy a run; returns the path of the copy's last.ckpt as it would be typed."""
    shutil.copytree(result.folder, folder)
    return f"ckpt_path={folder}/checkpoints/last.ckpt"


COMMANDS = [
    ("seed=1",),
    ("optimizer.lr=0.5",),  # nothing is left to train
    ("optimizer=sgd", "trainer.max_epochs=3"),
    ("optimizer.lr=-1",),
    ("optimizer.typo=1",),
    ("trainer.max_epochs=1",),
    ("model.hidden=[3]",),
    ("+experiment=digits",),
    ("trainer=typo",),
    # Refused as the fit starts.
    ("optimizer.betas=[0.9,1]", "trainer.max_epochs=3"),
    (
        "+logger.csv._target_=lightning.pytorch.loggers.CSVLogger",
        "+logger.csv.save_dir=/proc/x",
        "trainer.max_epochs=3",
    ),
]

TWO_PROCESSES = ("trainer.devices=2", "trainer.strategy=ddp", "trainer.max_epochs=3")  # they import torch: 8 seconds


def test_a_refused_resume_leaves_the_folder_as_it_was(first: First, own_folder: Path) -> None:
    for folder in ("finished", "killed"):
        last = copied(first(), folder)
        if folder == "killed":
            Path("killed/metrics.json").unlink()
        before = state_of(Path(folder))
        for command in COMMANDS if folder == "killed" else [*COMMANDS, TWO_PROCESSES]:
            with pytest.raises(Exception, match=r".") as caught:
                run(last, *command)
            assert not isinstance(caught.value, KeyError | AttributeError | AssertionError), command
            assert state_of(Path(folder)) == before, command
        again = run(last, "figures=false")  # the plain resume is as good as before
        assert numbers(again) == numbers(first())


def crash(*_: Any, **__: Any) -> None:
    raise KeyError("lost")


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (torch.optim.Adam, "load_state_dict"),  # while restoring
        (Strategy, "load_optimizer_state_dict"),
        (torch.optim.Adam, "step"),  # the first step
    ],
    ids=["restoring the optimizer", "restoring", "first step"],
)
def test_a_crash_before_the_first_step_leaves_the_folder_as_it_was(
    owner: Any, method: str, first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = copied(first(), "run")
    before = state_of(Path("run"))
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, crash)
        with pytest.raises((KeyError, ValueError), match="lost"):
            run(last, "figures=false", "trainer.max_epochs=3")
    assert state_of(Path("run")) == before
    assert run(last, "figures=false", "trainer.max_epochs=3").metrics["steps"] == 15


def test_a_crash_at_the_end_of_the_first_epoch_leaves_the_folder_as_it_was(first: First) -> None:
    last = copied(first(), "run")
    before = state_of(Path("run"))
    assert any(name.endswith(".hparams") for name in before)
    keeper = "+callbacks.mine._target_=lightning.pytorch.callbacks.ModelCheckpoint"
    with pytest.raises(MisconfigurationException, match="val/typo"):
        run(last, "trainer.max_epochs=4", keeper, "+callbacks.mine.monitor=val/typo")
    assert state_of(Path("run")) == before


def test_a_crash_after_an_epoch_keeps_what_it_has_not_replaced(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    last = copied(first(), "run")
    before = state_of(Path("run"))
    with monkeypatch.context() as patch:
        cut_power_at(17, patch)
        with pytest.raises(PowerCut):
            run(last, "figures=false", "trainer.max_epochs=5")
    after = state_of(Path("run"))
    kept = ["metrics.json", *(name for name in before if name.endswith(".hparams"))]
    assert len(kept) == 2
    assert {before[name] for name in kept} <= {*after.values()}, "one may have a new name"
    steps = [event.step for event in events(Path("run")).Scalars("train/loss_epoch")]
    assert steps == [5, 10, 15]
    assert [event.step for event in events(Path("run")).Scalars("val/loss")] == steps
    run(last, "figures=false")
    (replaced,) = Path("run/tensorboard").glob("*.hparams")
    assert state_of(Path("run"))[f"tensorboard/{replaced.name}"] != before[kept[1]]


def test_a_crash_after_the_first_epoch_keeps_what_it_has_saved(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    last = copied(first(), "run")
    with monkeypatch.context() as patch:
        cut_power_at(17, patch)
        with pytest.raises(PowerCut):
            run(last, "figures=false", "trainer.max_epochs=5", "optimizer.lr=0.01")
    assert checkpoint(Path("run"))["global_step"] == 15
    resumed = run(last, "figures=false")
    assert resumed.metrics["steps"] == 25
    assert resumed.metrics["resumed"] == [{"step": 10, "key": "optimizer.lr", "old": 0.001, "new": 0.01}]
    # A later change is added, and stays in later resumes without one.
    changed = run(last, "figures=false", "trainer.max_epochs=6", "regularizer.l2=0.1")
    assert changed.metrics["resumed"][1:] == [{"step": 25, "key": "regularizer.l2", "old": 0.0, "new": 0.1}]
    assert any(note == "regularizer.l2 is 0.1 from step 25 on, instead of 0.0" for note in changed.notes)
    plain = run(last, "figures=false")
    assert plain.metrics["resumed"] == changed.metrics["resumed"]
    assert plain.metrics["config_hash"] == changed.metrics["config_hash"]


ENDS: dict[str, tuple[tuple[str, ...], str]] = {
    "epochs": ((), "trainer.max_epochs=2 is reached"),
    "steps": (("trainer.max_steps=7",), "trainer.max_steps=7 is reached"),
    "early stopping": (
        ("early_stopping.patience=1", "early_stopping.min_delta=10", "trainer.max_epochs=9", "target_score=2"),
        "the fit was stopped early",
    ),
    "early stopping within an epoch": (
        ("early_stopping.patience=0", "early_stopping.min_delta=10", "trainer.max_epochs=9",
         "+trainer.val_check_interval=0.5"),
        "the fit was stopped early",
    ),
    "time": (
        ("trainer.max_epochs=9", "+trainer.max_time={milliseconds:1}"), "the fit was stopped early"
    ),
    "pruning": (
        ("+callbacks.it._target_=lightning.pytorch.callbacks.ModelPruning", "callbacks.it.pruning_fn=l1_unstructured"),
        "trainer.max_epochs=2 is reached",
    ),
    "a range test": (
        ("+callbacks=lr_finder", "callbacks.lr_finder.num_training_steps=20", "threads=1"),
        "trainer.max_epochs=2 is reached",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_an_ended_run_trains_nothing_more_and_ends_with_the_same_metrics(name: str, first: First) -> None:
    settings, end = ENDS[name]
    whole = first(*settings)
    last = copied(whole, "run")
    Path("run/metrics.json").unlink()  # killed before it wrote them
    for _ in range(2):
        again = run(last, "figures=false")
        assert f"nothing was left to train: {end}" in again.notes
        assert numbers(again) == numbers(whole)
        for kind in ("last", "best"):
            saved, now = (checkpoint(folder, kind)["state_dict"] for folder in (whole.folder, Path("run")))
            assert all(torch.equal(saved[key], now[key]) for key in saved)
    assert "resumed" not in again.metrics


def test_more_patience_goes_on_and_less_does_not(first: First) -> None:
    settings, end = ENDS["early stopping"]
    whole = first(*settings)  # it stops after the second epoch, which is not better than the first
    assert whole.metrics["epochs"] == 2
    last = copied(whole, "run")
    more = run(last, "early_stopping.patience=3", "figures=false")
    assert more.metrics["epochs"] == 4
    assert [change["key"] for change in more.metrics["resumed"]] == ["early_stopping.patience"]
    assert f"nothing was left to train: {end}" in run(last, "figures=false").notes
    with pytest.raises(ValueError, match=r"early_stopping\.patience has no effect: nothing is left to train"):
        run(last, "early_stopping.patience=2")
    without = run(last, "early_stopping.patience=null", "early_stopping.min_delta=0", "figures=false")
    assert without.metrics["epochs"] == 9


PATIENCE_OF_OWN = (
    "trainer.max_epochs=9", "monitor=val/loss", "+callbacks.mine._target_=lightning.pytorch.callbacks.EarlyStopping",
    "callbacks.mine.monitor=val/loss", "callbacks.mine.patience=2", "callbacks.mine.min_delta=9",
)  # fmt: skip


def test_a_users_early_stopping_counts_as_gradexps_own(first: First) -> None:
    saved = checkpoint(first(*PATIENCE_OF_OWN).folder)
    assert saved["stopped"]
    for stricter in ({"callbacks.mine.patience": 1}, {"callbacks.mine.min_delta": 10.0}):
        with pytest.raises(ValueError, match=r"nothing is left .* Type callbacks\.mine\.patience=3 or more with it\."):
            resume(saved, stricter)
    assert not resume(saved, {"callbacks.mine.patience": 3}).end
    observed = resume(saved, {"callbacks.sparsity._target_": "gradexp.callbacks.Sparsity"})
    assert observed.end == "the fit was stopped early"


@pytest.mark.parametrize(
    ("settings", "advice", "typed"),
    [
        ((), r"Type more trainer\.max_epochs with it\.", {"trainer.max_epochs": 3}),
        (SEVEN, r"Type more trainer\.max_steps with it\.", {"trainer.max_steps": 8}),
        (
            ("early_stopping.patience=1", "early_stopping.min_delta=10", "trainer.max_epochs=2"),
            r"Type more trainer\.max_epochs and early_stopping\.patience=2 or more, or null, with it\.",
            {"trainer.max_epochs": 3, "early_stopping.patience": None},
        ),
        (
            ("early_stopping.patience=1", "early_stopping.min_delta=10", "trainer.max_epochs=9", "target_score=2"),
            r"Type early_stopping\.patience=2 or more, or null, with it\.",
            {"early_stopping.patience": 2},
        ),
        (
            ("trainer.max_epochs=9", "+trainer.max_time={milliseconds:1}"),
            r"Type a longer trainer\.max_time, or null, with it\.",
            {"trainer.max_time": None},
        ),
        (ONECYCLE, r"trainer\.max_epochs cannot grow, as OneCycleLR .*leave ckpt_path out to train anew\.", None),
    ],
)
def test_the_advice_for_an_ended_fit_works_when_typed(
    settings: tuple[str, ...], advice: str, typed: dict[str, Any] | None, first: First
) -> None:
    saved = checkpoint(first(*settings).folder)
    change = {"regularizer.l2": 0.02}
    with pytest.raises(ValueError, match=f"regularizer.l2 has no effect: .*{advice}"):
        resume(saved, change)
    if typed is not None:
        assert not resume(saved, change | typed).end


def test_a_fit_that_another_callback_stopped_goes_on_with_more_epochs(first: First) -> None:
    saved = checkpoint(first("trainer.max_epochs=2").folder) | {"stopped": True}
    more = {"trainer.max_epochs": 9, "regularizer.l2": 0.02}
    with pytest.raises(ValueError, match=r"stopped early; .* Type trainer\.min_epochs=3 or more with it\."):
        resume(saved, more)
    assert not resume(saved, more | {"trainer.min_epochs": 3}).end


def test_epochs_count_the_last_one_begun(first: First) -> None:
    assert first("trainer.max_steps=7").metrics["epochs"] == 2
    last = copied(first("trainer.max_steps=7"), "run")
    assert run(last, "figures=false", "trainer.max_steps=10").metrics["epochs"] == 2
    assert run(last, "figures=false", "trainer.max_steps=12", "trainer.max_epochs=9").metrics["epochs"] == 3
    with pytest.raises(ValueError, match=r"trainer\.max_epochs must be at least 3, which the run has reached; got 2"):
        run(last, "trainer.max_epochs=2")


def test_a_whole_experiment_typed_again_counts_as_typed() -> None:
    first = run("+experiment=xor", "figures=false", "trainer.max_epochs=2", "hydra.run.dir=run")
    last = "ckpt_path=run/checkpoints/last.ckpt"
    assert first.metrics["epochs"] == 2
    again = run("+experiment=xor", last, "figures=false", "trainer.max_epochs=3", "optimizer.lr=0.5")
    assert [change["key"] for change in again.metrics["resumed"]] == ["optimizer.lr"]
    with pytest.raises(ValueError, match=r"data must stay gradexp\.data\.Points .* So must .*monitor"):
        run("+experiment=digits", last)


def test_a_resume_that_diverges_keeps_the_count_of_epochs(first: First) -> None:
    last = copied(first("trainer.max_steps=7", "optimizer=sgd", "model.activation=relu"), "run")
    diverged = run(last, "figures=false", "optimizer.lr=1e38", "trainer.max_steps=10")
    assert (diverged.metrics["status"], diverged.metrics["epochs"]) == ("diverged", 2)


def test_more_time_goes_on(first: First) -> None:
    last = copied(first(*ENDS["time"][0]), "run")
    steps = checkpoint(Path("run"))["global_step"]
    longer = run(last, "+trainer.max_time={hours:1}", "figures=false")
    assert longer.metrics["steps"] == 9 * 5 > steps
    assert "resumed" not in longer.metrics, "more time of the same training"


def test_another_number_of_processes_is_refused(first: First) -> None:
    saved = checkpoint(first().folder)
    found = resume(saved | {"processes": 2}, MORE)
    trainer: Any = SimpleNamespace(num_devices=1, num_nodes=1, callbacks=[])
    with pytest.raises(ValueError, match=r"trainer\.devices must stay 2 .*; got 1\. Type trainer\.devices=2"):
        found.begin(trainer, Checkpoints(Path("new"), "val/loss", "min", {}))


def test_the_arguments_and_the_schedule_of_another_packages_module_stay(own_folder: Path) -> None:
    named = ("trusted_packages=[gradexp,tests]", "model._target_=tests.app.plain_modules.Plain")
    run(*named, "trainer.max_epochs=1", "figures=false", "test=false", "hydra.run.dir=run")
    saved = checkpoint(Path("run"))
    config = saved["config"] | {"ckpt_path": "last.ckpt", "trainer": saved["config"]["trainer"] | {"max_epochs": 2}}
    model = Plain()
    assert not resumption(config, saved, model).changes
    with pytest.raises(ValueError, match=r"model\.lr must stay absent|model\.lr must stay 0\.1 .*; got 0\.5"):
        resumption(config | {"model": config["model"] | {"lr": 0.5}}, saved, model)
    laid_out = saved | {"lr_schedulers": [{"total_steps": 39, "last_epoch": 39}]}
    with pytest.raises(ValueError, match=r"trainer\.max_epochs must stay 1 .*because the module's own schedule"):
        resumption(config, laid_out, model)


class Killed(BaseException):
    """Not caught by handlers of Exception, like a kill."""


def test_a_job_of_a_sweep_resumes_with_what_was_found_before_its_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = (*SMALL, "+callbacks=lr_finder", "callbacks.lr_finder.num_training_steps=20", "optimizer.lr=0.02,0.03")

    def kill(self: StepSeed, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 20 and trainer.fit_loop.epoch_loop.batch_progress.total.ready > 20:
            raise Killed

    assert call(monkeypatch, *grid) is None
    Path("sweep").rename("whole")
    with monkeypatch.context() as patch:
        patch.setattr(StepSeed, "on_train_batch_start", kill)
        with pytest.raises(Killed):
            call(patch, *grid)
    assert call(monkeypatch, *RESUMED) is None
    for number in range(2):
        assert sweep_metrics(number) == sweep_metrics(number, Path("whole"))


def test_a_table_may_move_but_not_change(own_folder: Path) -> None:
    rows = [f"{number % 7},{number % 5},{number % 2}" for number in range(60)]
    Path("old.csv").write_text("\n".join(["a,b,y", *rows]))
    typed = ("data=table", "data.target=y", "model=small_mlp", "trainer.max_epochs=1", "figures=false", "test=false")
    run(*typed, "data.path=old.csv", "hydra.run.dir=run")
    last = "ckpt_path=run/checkpoints/last.ckpt"
    before = state_of(Path("run"))
    Path("old.csv").rename("new.csv")
    Path("other.csv").write_text("\n".join(["a,b,y", *rows[1:], rows[0]]))
    with pytest.raises(ValueError, match=r"data\.path must hold the rows that the run was started with"):
        run(last, "data.path=other.csv", "trainer.max_epochs=2", "figures=false")
    assert state_of(Path("run")) == before
    assert run(last, "data.path=new.csv", "trainer.max_epochs=2", "figures=false").metrics["epochs"] == 2
