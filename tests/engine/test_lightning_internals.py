"""Lightning's internals that gradexp relies on, a test for each, and a test that no other module uses them."""

import ast
import importlib
import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.fabric
import pytest
import torch
from lightning.fabric.utilities import registry
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, ModelPruning

import gradexp
from gradexp.data import LinearData
from gradexp.engine import lightning_internals, lightning_restoring
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.lightning_internals import (
    CUDA_CHECK,
    CURRENT_HOOK,
    callbacks_of,
    coming_batch,
    drop_slow_cuda_check,
    epochs_done,
    is_last_batch,
    is_within_epoch,
    list_packages_once,
    log_evaluation_at,
    put_between_epochs,
    save_by_the_clock,
    saves_by_steps,
    set_batches_done,
    share_lottery_tickets,
    stops_early,
    without_gradient_sync,
)
from gradexp.engine.lightning_restoring import around_restoring, as_if_fitted, count_steps_done, loop_states
from gradexp.engine.low_overhead import QuickPrecision
from gradexp.models import LinearRegression
from tests.engine.lightning_comparison import Plain, train
from tests.engine.several_steps import EPOCHS, Logged, data, fit, trainer_for

PACKAGE = Path(gradexp.__file__).parent
INTERNALS = {"fit_loop", "epoch_loop", "batch_progress", "epoch_progress", "optim_progress", "total_batch_idx"}


class Look(Callback):
    """Records the answer of a function at the end of each batch."""

    takes_groups = True

    def __init__(self, ask: Any) -> None:
        self.ask = ask
        self.answers: list[Any] = []

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.answers.append(self.ask(trainer))


def test_drop_slow_cuda_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CUDA_CHECK, raising=False)
    importlib.reload(lightning.fabric)
    assert os.environ[CUDA_CHECK] == "1", "Lightning sets it when it is imported"
    for has_gpu, left in ((True, "1"), (False, None)):
        monkeypatch.setenv(CUDA_CHECK, "1")
        monkeypatch.setattr(torch.cuda, "is_available", lambda has_gpu=has_gpu: has_gpu)
        drop_slow_cuda_check()
        assert os.environ.get(CUDA_CHECK) == left


def test_list_packages_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def entry_points(group: str) -> list[Any]:
        asked.append(group)
        return []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(registry, "entry_points", importlib.metadata.entry_points)
    for _ in range(2):
        list_packages_once()
        Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    assert len(asked) == len(set(asked)) > 0, "Lightning lists each group of entry points for each Trainer"


def test_is_last_batch() -> None:
    look = Look(is_last_batch)
    fit(8, look)
    assert look.answers == [False, False, True] * 2


def test_callbacks_of() -> None:
    look = Look(callbacks_of)
    trainer = Trainer(callbacks=[look], logger=False, enable_checkpointing=False, accelerator="cpu")
    assert look in callbacks_of(trainer)


def test_coming_batch() -> None:
    look = Look(coming_batch)
    fit(1, look, epoch={"batch_size": 8})
    assert look.answers == [1, 2, 3, 4, 5, 6, 7, 8]


def test_log_evaluation_at() -> None:
    logged = Logged()
    trainer, module = trainer_for(logged), Plain(torch.nn.Linear(2, 1), {"_target_": "torch.optim.SGD", "lr": 0.1})
    module.test_step = module.validation_step  # type: ignore[method-assign]
    module.on_test_start = lambda: log_evaluation_at(trainer, 123)  # type: ignore[method-assign]
    trainer.test(module, datamodule=data(1), verbose=False)
    assert [step for step, values in logged.entries if "val/loss" in values] == [123]


def test_saves_by_steps() -> None:
    assert saves_by_steps(ModelCheckpoint(every_n_train_steps=5))
    assert not saves_by_steps(ModelCheckpoint())
    assert not saves_by_steps(ModelCheckpoint(every_n_epochs=2))


def test_save_by_the_clock(own_folder: Path) -> None:
    checkpoint = ModelCheckpoint(own_folder, "{step}", train_time_interval=timedelta(0), save_top_k=-1)
    module = fit(50, checkpoint, epoch={"repeat": 100}).module
    assert sorted(path.name for path in own_folder.glob("*.ckpt")) == [f"step={n}.ckpt" for n in (100, 150, 200, 50)]
    assert module.takes_steps
    assert torch.load(own_folder / "step=150.ckpt", weights_only=True)["global_step"] == 150
    for callback in (ModelCheckpoint(own_folder / "none"), Look(lambda trainer: save_by_the_clock(trainer, 0))):
        fit(50, callback)
    assert not list((own_folder / "none").glob("step=1*.ckpt"))


def test_without_gradient_sync() -> None:
    trainer = trainer_for(Logged())
    with without_gradient_sync(trainer):  # one process has nothing to synchronise; tests/app/test_ddp.py has two
        pass


class Between(Callback):
    """Records the loops of checkpoints after `put_between_epochs`."""

    def __init__(self) -> None:
        self.loops: dict[str, Any] = {}

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        self._record(trainer, f"start {trainer.current_epoch}")

    def on_train_end(self, trainer: Trainer, *_: Any) -> None:
        self._record(trainer, "end")

    def _record(self, trainer: Trainer, name: str) -> None:
        trainer.save_checkpoint("now.ckpt")
        checkpoint = torch.load("now.ckpt", weights_only=True)
        put_between_epochs(checkpoint)
        self.loops[name] = checkpoint["loops"]["fit_loop"]


def test_put_between_epochs() -> None:
    between = Between()
    fit(1, between, epoch={"batch_size": 8}, trainer={"max_epochs": 3, "max_steps": 10})
    for name, batches, epochs in (("start 0", 0, 0), ("start 1", 0, 1), ("start 2", 0, 2), ("end", 2, 2)):
        current = between.loops[name]["epoch_loop.batch_progress"]["current"]
        assert set(current.values()) == {batches}, name
        assert between.loops[name]["epoch_progress"]["current"]["completed"] == epochs, name


@pytest.mark.parametrize(("max_steps", "done", "within"), [(8, 2, False), (10, 2, True), (12, 3, False)])
def test_epochs_done_and_is_within_epoch(max_steps: int, done: int, within: bool, own_folder: Path) -> None:
    checkpoints = Checkpoints(own_folder, "train/loss", "min", {})
    fit(1, checkpoints, epoch={"batch_size": 8}, trainer={"max_epochs": 3, "max_steps": max_steps})  # 4 steps an epoch
    saved = torch.load(checkpoints.last_path, weights_only=True)
    assert (epochs_done(saved), is_within_epoch(saved)) == (done, within)


@pytest.mark.parametrize(
    ("lottery", "resample", "shared"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_share_lottery_tickets(lottery: bool, resample: bool, shared: bool) -> None:
    """Lightning goes back to its copy of the weights without a copy, so the two are one from then on."""
    for by_lightning in (True, False):
        module = LinearRegression(2)
        pruning = ModelPruning(
            "l1_unstructured", use_lottery_ticket_hypothesis=lottery, resample_parameters=resample, amount=0.5
        )
        pruning.setup(Trainer(accelerator="cpu", logger=False), module, "fit")
        pruning.apply_pruning(0.5)
        if by_lightning and lottery:
            pruning.apply_lottery_ticket_hypothesis()
        elif not by_lightning:
            share_lottery_tickets(pruning)
        layers = (pruning._original_layers or {}).values()
        kept = [layer["data"].get_parameter("weight").data_ptr() for layer in layers]
        assert (module.get_parameter("network.weight_orig").data_ptr() in kept) is shared, by_lightning


def test_set_batches_done(own_folder: Path) -> None:
    eight: dict[str, Any] = {"epoch": {"batch_size": 8, "repeat": 2}, "trainer": {"max_epochs": 1}}
    fit(1, Checkpoints(own_folder, "train/loss", "min", {}), **eight | {"trainer": {"max_steps": 3}})
    look = Look(lambda trainer: trainer.fit_loop.epoch_loop.batch_progress.current.ready)
    checkpoints = Checkpoints(own_folder, "train/loss", "min", {})
    result = fit(2, look, checkpoints, ckpt_path=checkpoints.last_path, **eight)
    assert look.answers == [2, 3, 4], "the fourth step, then two groups of two; the first group was done"
    assert result.trainer.global_step == 8
    assert set_batches_done.__module__ == lightning_internals.__name__  # called by on_train_start


def test_around_restoring(own_folder: Path) -> None:
    """Callbacks, data and model are restored in one call; loops, optimizers and schedules later, in another."""
    events: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        events.append("enter")
        yield
        events.append("leave")

    class Restored(Callback):
        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            events.append("callback")

        def state_dict(self) -> dict[str, Any]:
            return {"a": 1}

    fit(1, Restored(), Checkpoints(own_folder, "train/loss", "min", {}))
    trainer = trainer_for(Logged(), Restored(), Checkpoints(own_folder, "train/loss", "min", {}), max_epochs=3)
    steps = []
    around_restoring(trainer, context, events.append, lambda: steps.append(trainer.global_step))
    module = LinearRegression(2, optimizer={"_target_": "torch.optim.SGD", "lr": 0.05})
    last = own_folder / "last.ckpt"
    saved = torch.load(last, weights_only=True)["global_step"]
    trainer.fit(module, datamodule=data(1, **EPOCHS["full batches"]), ckpt_path=last, weights_only=True)
    assert events == ["enter", "modules", "callback", "leave", "enter", "training", "leave"]
    assert steps == [saved]
    events.clear()
    trainer.validate(module, datamodule=data(1), verbose=False)
    assert not {"modules", "training"} & set(events), "nothing is restored"


def test_loop_states(own_folder: Path) -> None:
    look = Look(loop_states)
    fit(1, look, Checkpoints(own_folder, "train/loss", "min", {}))
    saved = torch.load(own_folder / "last.ckpt", weights_only=True)["loops"]["fit_loop"]
    assert look.answers[-1]["fit_loop"].keys() == saved.keys()


def test_current_hook() -> None:
    assert CURRENT_HOOK in vars(fit(50).module)
    module = LinearRegression(1)
    setattr(module, CURRENT_HOOK, "training_step")
    assert vars(module)[CURRENT_HOOK] == "training_step"


def test_lightning_calls_the_hooks_that_quick_precision_replaces() -> None:
    """QuickPrecision overrides a private method; Lightning calls it, and the hooks keep their order."""

    class Order(Callback):
        def __init__(self) -> None:
            self.calls: list[str] = []

        def on_before_zero_grad(self, *_: Any) -> None:
            self.calls.append("zero")

        def on_before_backward(self, *_: Any) -> None:
            self.calls.append("before")

        def on_after_backward(self, *_: Any) -> None:
            self.calls.append("after")

        def on_before_optimizer_step(self, *_: Any) -> None:
            self.calls.append("step")

    orders = []
    for stepped, plugins in ((False, []), (True, []), (True, [QuickPrecision()])):
        order = Order()
        train(stepped, order, max_steps=5, accumulate_grad_batches=2, gradient_clip_val=0.1, plugins=plugins or None)
        orders.append(order.calls)
    assert orders[0] == orders[1] == orders[2]
    assert orders[0][:6] == ["zero", "before", "after", "before", "after", "step"]


def test_stops_early() -> None:
    stopping = EarlyStopping("val/loss", patience=2, min_delta=0.1)
    assert [stops_early(stopping, score, epoch) for epoch, score in enumerate((1.0, 0.95, 0.85, 0.8, 0.9))] == [
        False, False, False, False, True,
    ]  # fmt: skip
    assert (stopping.stopped_epoch, stopping.wait_count) == (4, 2)
    assert "did not improve in the last 2 records" in str(stopping.stopping_reason_message)
    assert stops_early(EarlyStopping("val/loss"), float("nan"), 0)


def test_as_if_fitted() -> None:
    """A checkpoint of a trainer that has fitted nothing has the counts of one that has."""
    settings: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "accelerator": "cpu", "max_epochs": 3}
    fitted, other = Trainer(**settings, enable_progress_bar=False), Trainer(**settings)
    module = LinearRegression(2)
    fitted.fit(module, datamodule=LinearData([1.0, 2.0], batch_size=8, val_size=10))
    own = LinearData([1.0, 2.0], batch_size=8, val_size=10)
    own.setup("fit")
    as_if_fitted(
        other, module, own, fitted.optimizers[0], [],
        epochs=3, batches=fitted.global_step // 3, validations=3, validation_batches=1,
    )  # fmt: skip
    assert (other.current_epoch, other.global_step) == (fitted.current_epoch, fitted.global_step) == (3, 93)
    expected, found = (one._checkpoint_connector.dump_checkpoint(weights_only=False) for one in (fitted, other))
    expected["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]["total"] = {}  # a validation before the fit
    found["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"]["total"] = {}
    for part in ("epoch", "global_step", "loops", "batches_begun", "LinearData"):
        assert found[part] == expected[part]
    count_steps_done(other, 3)
    assert other.global_step == 3


def test_no_other_module_uses_lightnings_internals() -> None:
    uses = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        if path not in (Path(lightning_internals.__file__), Path(lightning_restoring.__file__))
        for node in ast.walk(ast.parse(path.read_text()))
        if (name := internal_in(node))
    ]
    assert uses == []


def internal_in(node: ast.AST) -> str:
    """The name of Lightning's internals that a node uses; empty if there is none."""
    if isinstance(node, ast.Attribute):
        owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        is_private = node.attr.startswith("_") and not node.attr.startswith("__")
        return node.attr if node.attr in INTERNALS or (is_private and owner in ("trainer", "pl_module")) else ""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lightning"):
        private = [name.name for name in node.names if name.name.startswith("_")]
        inner = (node.module or "").startswith(("lightning.pytorch.loops", "lightning.pytorch.trainer.call"))
        return node.module or "" if private or inner else ""
    return ""


@pytest.mark.parametrize(
    ("code", "is_internal"),
    [
        ("trainer.fit_loop", True),
        ("self.trainer._logger_connector", True),
        ("pl_module._current_fx_name", True),
        ("from lightning.pytorch.loops.utilities import _block_parallel_sync_behavior", True),
        ("from lightning.pytorch.trainer.call import call_hook", True),
        ("trainer.global_step", False),
        ("self._trajectory", False),
        ("from lightning.pytorch import Trainer", False),
    ],
)
def test_a_use_of_lightnings_internals_is_detected(code: str, is_internal: bool) -> None:
    assert any(internal_in(node) for node in ast.walk(ast.parse(code))) is is_internal
