"""Settings and callbacks that the engine cannot combine; the message names the key to use instead."""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, StochasticWeightAveraging
from torch.optim import LBFGS

from gradexp.engine.accumulation import Accumulation
from gradexp.engine.lightning_internals import callbacks_of


def check_supported(trainer: Trainer, module: Any, accumulation: Accumulation) -> None:
    """Refuse combinations that would fail, or train different weights, after the fit of a SteppedModule has begun.

    Raises:
        ValueError: A callback, or the optimizer, cannot be combined with the other settings.
    """
    for callback in callbacks_of(trainer):
        if isinstance(callback, GradientAccumulationScheduler):
            by_epoch = ",".join(f"{epoch}:{number}" for epoch, number in sorted(callback.scheduling.items()))
            raise ValueError(
                "callbacks must not have GradientAccumulationScheduler, which needs Lightning's own loop; set "
                f"trainer.accumulate_grad_batches={{{by_epoch}}} instead."
            )
        if isinstance(callback, StochasticWeightAveraging) and callback.pl_module_contains_batch_norm(module):
            raise ValueError(
                "callbacks must not have StochasticWeightAveraging for a network with batch norm, whose statistics it "
                "would recompute in an epoch without steps; set model.batch_norm=false, or use "
                "lightning.pytorch.callbacks.EMAWeightAveraging instead."
            )
    if len(trainer.optimizers) != 1:
        raise ValueError(f"configure_optimizers must return one optimizer; got {len(trainer.optimizers)}.")
    if module.has_own_gradients:
        rule = f"{type(module).__name__}, whose gradients come from its own rule"
        if trainer.world_size > 1:
            raise ValueError(f"trainer.devices must be 1 for {rule}; got {trainer.world_size} processes.")
        if trainer.precision not in ("32-true", "64-true"):
            raise ValueError(f"trainer.precision must be 32-true or 64-true for {rule}; got {trainer.precision}.")
    if isinstance(trainer.optimizers[0], LBFGS):
        if trainer.precision == "16-mixed":
            raise ValueError(
                "trainer.precision must not be 16-mixed with L-BFGS, which evaluates the loss several times per step; "
                "gradient scaling allows one. Set trainer.precision=bf16-mixed or 32-true."
            )
        if accumulation.largest > 1:
            raise ValueError(
                "trainer.accumulate_grad_batches must be 1 with L-BFGS, which evaluates its batch several times per "
                f"step; got {accumulation.largest}. Set a larger data.batch_size instead."
            )


def fused_conflict(module: Any) -> str:
    """The setting for which Lightning refuses a fused optimizer, which unscales gradients after clipping, or ""."""
    if module.precision == "16-mixed":
        return "trainer.precision=16-mixed, where gradients must be unscaled"
    if module.precision == "bf16-mixed" and module.trainer.gradient_clip_val:
        return "trainer.precision=bf16-mixed with trainer.gradient_clip_val"
    return ""
