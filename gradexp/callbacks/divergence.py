"""Stops a run whose loss or weights become NaN or infinite, and names the first step and layer."""

from functools import partial
from typing import Annotated, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp.arguments import checked
from gradexp.engine.interval import Interval
from gradexp.engine.lightning_internals import is_fitting
from gradexp.engine.stack.finite import first_not_finite
from gradexp.engine.step_callback import StepCallback
from gradexp.rules import COUNT


class Diverged(RuntimeError):  # noqa: N818  # an outcome of a run, not an error in code
    """The loss or the weights are no longer finite."""


class Divergence(StepCallback):
    """Records a sum of every layer's output and the objective in each step, and checks them every few steps.

    The sums stay on the device until they are checked, so that no step waits for the device.

    Args:
        every_n_steps: Steps between checks. A fit is also checked before each validation, whose scores would be of
            weights that are not finite, and at the end of an epoch, before a checkpoint is written.
    """

    @checked
    def __init__(self, every_n_steps: Annotated[int, COUNT] = 50) -> None:
        self._interval = Interval(every_n_steps)
        self._step = 0
        self._recorded: list[tuple[int, str, Tensor]] = []
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, layer in pl_module.named_modules():
            if next(layer.parameters(recurse=False), None) is not None:
                record = partial(self._record, name.removeprefix("network."))
                self._handles.append(layer.register_forward_hook(record))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._interval.start(trainer.global_step)

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._step = trainer.global_step + 1

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        if self._step:
            self._recorded.append((self._step, "", loss.detach()))
            self._step = 0  # further points that an optimizer such as L-BFGS tries in this step are not recorded

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if self._interval.is_over(trainer.global_step):
            self._check()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if is_fitting(pl_module):
            self._check_all(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_all(trainer, pl_module)

    def _check_all(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check()
        for name, parameter in pl_module.named_parameters():
            if not parameter.detach().isfinite().all():
                raise Diverged(
                    f"the update of step {trainer.global_step} made {name.removeprefix('network.')} not finite"
                )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._remove_hooks()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._remove_hooks()

    def _remove_hooks(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._recorded.clear()

    def _record(self, name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if self._step and layer.training and isinstance(output, Tensor):
            # In float32, because in half precision the sum of ordinary numbers can overflow.
            self._recorded.append((self._step, name, output.detach().sum(dtype=torch.float32)))

    def _check(self) -> None:
        recorded, self._recorded = self._recorded, []
        if not recorded:
            return
        finite = torch.stack([value.float() for _, _, value in recorded]).isfinite()
        if finite.all():
            return
        step, name, value = recorded[int((~finite).nonzero()[0])]
        raise Diverged(first_not_finite(step, name, value.item()))
