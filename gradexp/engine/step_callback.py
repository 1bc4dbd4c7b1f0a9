"""Callbacks at every step, and what makes a fit take its steps one at a time."""

from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    LearningRateFinder,
    ModelCheckpoint,
    ProgressBar,
    RichProgressBar,
    Timer,
    TQDMProgressBar,
)
from lightning.pytorch.core.hooks import DataHooks, ModelHooks

from gradexp.engine.lightning_internals import callbacks_of, coming_batch, saves_by_steps

STEP_HOOKS = ("on_train_batch_start", "on_train_batch_end")
BATCH_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")

# Lightning's own whose hooks need no single steps, and why.
GROUPS_DO: dict[type[Callback], str] = {
    ProgressBar: "is drawn, and changes nothing",
    TQDMProgressBar: "is drawn, and changes nothing",
    RichProgressBar: "is drawn, and changes nothing",
    Timer: "ends a fit by the clock",
    ModelCheckpoint: "saves by epoch or by the clock, without every_n_train_steps",
}
NO_HOOKS = (Callback, ModelHooks, DataHooks, LightningModule, LightningDataModule)  # whose own do nothing


class StepCallback(Callback):
    """A callback that acts at every training step, however many of them Lightning hands over as one batch.

    Sub-classes give `on_step_start` and `on_step_end` in place of `on_train_batch_start` and `on_train_batch_end`. With
    those a fit would take its steps one at a time, unless the class that overrides them, or one derived from it, says
    ``takes_groups = True``; then they are given a StepGroup, and its number in place of a batch's.
    """

    takes_groups = True

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        """Called before each batch is trained on."""

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        """Called after each batch; it has been a step of the optimizer too, unless gradients are accumulated."""

    # Under Lightning's own loop a batch is a step.

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if not is_stepped(pl_module):
            self.on_step_start(trainer, pl_module, batch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not is_stepped(pl_module):
            self.on_step_end(trainer, pl_module, batch)


def takes_steps(module: LightningModule | None) -> bool:
    """Whether gradexp takes the steps of a module's fits, and not Lightning's own loop."""
    return getattr(module, "takes_steps", False)


def is_stepped(module: LightningModule | None) -> bool:
    """Whether gradexp takes the module's steps in the fit that is under way."""
    return getattr(module, "is_stepped", False)


def batches_begun(trainer: Trainer) -> int:
    """Batches of the whole fit that were begun, those of earlier, resumed parts too, each of a group counted."""
    module: Any = trainer.lightning_module
    return module.batches_begun if is_stepped(module) else coming_batch(trainer)


def overriding(trainer: Trainer, base: type[Callback], hook: str) -> list[Any]:
    """The callbacks that do something in a hook of `base`; looked up once, as it is asked several times a step."""
    callbacks = callbacks_of(trainer)
    # Kept on the trainer: callbacks refer to it, so that anywhere else both would stay for ever.
    known: dict[str, tuple[list[Any], list[Any]]] = vars(trainer).setdefault("overriding_callbacks", {})
    if hook not in known or known[hook][0] != callbacks:
        known[hook] = [*callbacks], _that_override(callbacks, base, hook)
    return known[hook][1]


def _that_override(callbacks: list[Any], base: type[Callback], hook: str) -> list[Any]:
    idle = getattr(base, hook)
    return [
        each
        for each in callbacks
        if isinstance(each, base) and (getattr(type(each), hook) is not idle or hook in vars(each))  # LambdaCallback's
    ]


def needing_single_steps(trainer: Trainer) -> list[str]:
    """Names of the classes whose hooks need each step by itself: callbacks, the module, the data module."""
    callbacks = callbacks_of(trainer)
    parts: list[tuple[object, tuple[str, ...]]] = [(callback, STEP_HOOKS) for callback in callbacks]
    parts += [(trainer.lightning_module, (*STEP_HOOKS, *BATCH_HOOKS))]
    parts += [(getattr(trainer, "datamodule", None), BATCH_HOOKS)]
    return [type(part).__name__ for part, hooks in parts if any(_needs_single_steps(part, hook) for hook in hooks)]


def _needs_single_steps(part: object, hook: str) -> bool:
    if isinstance(part, BatchSizeFinder | LearningRateFinder):
        return True  # they try steps of Lightning's own loop before the fit
    own = getattr(part, "__dict__", {})
    if "takes_groups" in own or hook in own:  # LambdaCallback has its hooks on the instance
        return not own.get("takes_groups", False)
    for cls in type(part).__mro__:
        # The class that overrides a hook says whether groups do, or one derived from it.
        if "takes_groups" in vars(cls):
            return not vars(cls)["takes_groups"]
        if hook in vars(cls):
            if isinstance(part, ModelCheckpoint) and saves_by_steps(part):
                return True
            return cls not in NO_HOOKS and cls not in GROUPS_DO
    return False
