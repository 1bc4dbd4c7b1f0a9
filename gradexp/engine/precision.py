"""Lightning's default precision, at less cost a step."""

from typing import Any

from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.plugins import Precision
from torch import Tensor

from gradexp.engine.step_callback import overriding


class QuickPrecision(Precision):
    """32-true; calls of each hook the callbacks that do something in it.

    Lightning looks up and profiles every callback in every hook, eight times what the hooks of a small model's step
    take. Hooks are called in Lightning's order.
    """

    def pre_backward(self, tensor: Tensor, module: LightningModule) -> Tensor:  # type: ignore[override]
        for callback in overriding(module.trainer, Callback, "on_before_backward"):
            callback.on_before_backward(module.trainer, module, tensor)
        module.on_before_backward(tensor)
        return tensor

    def post_backward(self, tensor: Tensor, module: LightningModule) -> Tensor:  # type: ignore[override]
        for callback in overriding(module.trainer, Callback, "on_after_backward"):
            callback.on_after_backward(module.trainer, module)
        module.on_after_backward()
        return tensor.detach()

    def _after_closure(self, model: LightningModule, optimizer: Any) -> None:
        trainer = model.trainer
        for callback in overriding(trainer, Callback, "on_before_optimizer_step"):
            callback.on_before_optimizer_step(trainer, model, optimizer)
        model.on_before_optimizer_step(optimizer)
        self._clip_gradients(model, optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)
