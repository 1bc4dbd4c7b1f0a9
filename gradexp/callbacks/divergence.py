"""Ends a run whose loss has turned NaN or infinite, and says at which step and in which layer first."""

from typing import Annotated, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp.arguments import checked
from gradexp.engine.interval import Interval
from gradexp.engine.step_callback import StepCallback
from gradexp.rules import COUNT


class Diverged(RuntimeError):  # noqa: N818  # an outcome of a run, not a mistake
    """The loss or the weights are no longer finite."""


class Divergence(StepCallback):
    """Watches every layer's output and the objective, and looks at them every `every_n_steps` steps.

    What is watched stays on the device as one sum a layer and step, so that no step waits for it.

    Args:
        every_n_steps: Steps between looks; an epoch's end is always looked at, before a checkpoint is written.
    """

    @checked
    def __init__(self, every_n_steps: Annotated[int, COUNT] = 50) -> None:
        self._interval = Interval(every_n_steps)
        self._step = 0
        self._watched: list[tuple[int, str, Tensor]] = []
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, layer in pl_module.named_modules():
            if next(layer.parameters(recurse=False), None) is not None:
                self._handles.append(layer.register_forward_hook(self._hook(name.removeprefix("network."))))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._interval.start(trainer.global_step)

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._step = trainer.global_step + 1

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        if self._step:
            self._watched.append((self._step, "", loss.detach()))
            # An optimizer may try further points in the same step (L-BFGS does), good and bad; those are its own.
            self._step = 0

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if self._interval.is_over(trainer.global_step):
            self._look()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look()
        for name, parameter in pl_module.named_parameters():
            if not parameter.detach().isfinite().all():
                raise Diverged(
                    f"the update of step {trainer.global_step} left {name.removeprefix('network.')} not finite"
                )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._let_go()

    def _let_go(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._watched.clear()

    def _hook(self, name: str) -> Any:
        def watch(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if self._step and layer.training and isinstance(output, Tensor):
                # In float32, for in half precision the sum of healthy numbers can overflow.
                self._watched.append((self._step, name, output.detach().sum(dtype=torch.float32)))

        return watch

    def _look(self) -> None:
        watched, self._watched = self._watched, []
        if not watched:
            return
        finite = torch.stack([value.float() for _, _, value in watched]).isfinite()
        if finite.all():
            return
        step, name, value = watched[int((~finite).nonzero()[0])]
        what = f"the output of layer '{name}'" if name else "the loss"
        raise Diverged(f"at step {step} {what} was the first to be not finite (it sums to {value.item()})")
