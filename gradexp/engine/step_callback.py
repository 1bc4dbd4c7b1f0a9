"""Callbacks that are called at every training step, and which of a trainer's callbacks override a hook."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gradexp.engine.lightning_internals import callbacks_of, coming_batch


class StepCallback(Callback):
    """A callback that acts at every training step, however many steps a Lightning batch holds.

    Sub-classes override `on_step_start` and `on_step_end`. If they override `on_train_batch_start` or
    `on_train_batch_end` instead, the fit takes its steps one at a time, unless the class that overrides them, or a
    sub-class of it, sets ``takes_groups = True``; those hooks then get a StepGroup and the group's number.
    """

    takes_groups = True

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        """Called before each batch is trained on."""

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        """Called after each batch, which is also a step of the optimizer unless gradients are accumulated."""

    # Under Lightning's own loop each batch is a step.

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if not is_stepped(pl_module):
            self.on_step_start(trainer, pl_module, batch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not is_stepped(pl_module):
            self.on_step_end(trainer, pl_module, batch)


def takes_steps(module: LightningModule | None) -> bool:
    """Whether gradexp takes the steps of a module's fits, instead of Lightning's own loop."""
    return getattr(module, "takes_steps", False)


def is_stepped(module: LightningModule | None) -> bool:
    """Whether a fit of the module is running whose steps gradexp takes."""
    return getattr(module, "is_stepped", False)


def batches_begun(trainer: Trainer) -> int:
    """Single batches begun in the whole fit, including the parts before a resume."""
    module: Any = trainer.lightning_module
    return module.batches_begun if is_stepped(module) else coming_batch(trainer)


def overriding(trainer: Trainer, base: type[Callback], hook: str) -> list[Any]:
    """The trainer's callbacks of class `base` that override `hook`; cached, as it is called several times a step."""
    callbacks = callbacks_of(trainer)
    # The cache lives on the trainer: callbacks refer to it, so a cache elsewhere would keep both alive for ever.
    cache: dict[str, tuple[list[Any], list[Any]]] = vars(trainer).setdefault("overriding_callbacks", {})
    if hook not in cache or cache[hook][0] != callbacks:
        overrides = [
            callback
            for callback in callbacks  # LambdaCallback has its hooks on the instance
            if isinstance(callback, base)
            and (getattr(type(callback), hook) is not getattr(base, hook) or hook in vars(callback))
        ]
        cache[hook] = ([*callbacks], overrides)
    return cache[hook][1]
