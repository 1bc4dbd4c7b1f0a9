"""What a LightningModule's own training_step minimises, found by calling it outside of a fit."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, cast

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers.logger import DummyLogger
from torch import Tensor


class Term(NamedTuple):
    """A loss that is minimised with respect to some of the parameters.

    Attributes:
        loss: One number.
        parameters: The ids of the parameters that the optimizer of this loss changes; None for all.
    """

    loss: Tensor
    parameters: frozenset[int] | None


def trainer_for_steps() -> Trainer:
    """A trainer that is attached to modules and never runs."""
    return Trainer(
        max_epochs=1, accelerator="cpu", devices=1, logger=DummyLogger(),
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


class TrainingStep:
    """Calls the training_step of a copied module: `log` does nothing, and optimizers change nothing.

    Under manual optimization each loss belongs to the optimizers that step after it.

    Attributes:
        is_manual: Whether the optimization is manual.
        events: "zero", "backward" and "step", as the latest step under manual optimization called them.
    """

    def __init__(self, module: LightningModule, trainer: Trainer) -> None:
        self._module = module
        self.events: list[str] = []
        self._losses: list[tuple[Tensor, set[int]]] = []
        self._newest = 0  # number of the first loss since the last step of an optimizer
        module.trainer = trainer
        replaced: dict[str, Any] = {"log": _nothing, "log_dict": _nothing}
        self.is_manual = not module.automatic_optimization
        if self.is_manual:
            optimizers = [_Optimizer(optimizer, self) for optimizer in optimizers_of(module)]
            one_or_all = optimizers[0] if len(optimizers) == 1 else optimizers
            replaced |= {
                "optimizers": lambda *_, **__: one_or_all,
                "lr_schedulers": _Ignored,
                "manual_backward": self.backward,
                "toggle_optimizer": _nothing,
                "untoggle_optimizer": _nothing,
                "toggled_optimizer": lambda *_: nullcontext(),
                "clip_gradients": _nothing,
                "zero_grad": lambda *_, **__: self.events.append("zero"),
            }
        vars(module).update(replaced)

    def terms(self, batch: Any) -> list[Term]:
        """The losses of one training step.

        Raises:
            ValueError: The step returns no loss, or, under manual optimization, calls no backward.
        """
        if not self.is_manual:
            result: Any = self._module.training_step(batch, 0)
            loss = result.get("loss") if isinstance(result, dict) else result
            if not isinstance(loss, Tensor) or loss.numel() != 1:
                kind = f"a tensor of shape {list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
                raise ValueError(f"training_step must return the loss, one number; got {kind}.")
            return [Term(loss.sum(), None)]
        self.events.clear()
        self._losses.clear()
        self._newest = 0
        with self._recorded_backward():
            self._module.training_step(batch, 0)
        if not self._losses:
            raise ValueError("training_step must call manual_backward under manual optimization; got no call.")
        return [Term(loss, frozenset(owners) or None) for loss, owners in self._losses]

    def backward(self, loss: Tensor, *_: Any, **__: Any) -> None:
        if self.events and self.events[-1] == "step":
            self._newest = len(self._losses)
        self.events.append("backward")
        self._losses.append((loss, set()))

    def step(self, parameters: frozenset[int]) -> None:
        self.events.append("step")
        for _, owners in self._losses[self._newest :]:
            owners.update(parameters)

    @contextmanager
    def _recorded_backward(self) -> Iterator[None]:
        """Record Tensor.backward too, which some steps call in place of manual_backward."""
        original = Tensor.backward
        Tensor.backward = lambda loss, *_, **__: self.backward(loss)  # type: ignore[method-assign]
        try:
            yield
        finally:
            Tensor.backward = original  # type: ignore[method-assign]


class _Optimizer:
    """An optimizer that changes nothing and reports its calls."""

    def __init__(self, optimizer: Any, owner: TrainingStep) -> None:
        self._optimizer = optimizer
        self._owner = owner
        self._parameters = frozenset(id(weight) for group in optimizer.param_groups for weight in group["params"])

    def zero_grad(self, *_: Any, **__: Any) -> None:
        self._owner.events.append("zero")

    def step(self, closure: Any = None, **_: Any) -> None:
        if closure is not None:
            closure()
        self._owner.step(self._parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)


class _Ignored:
    """A schedule, none of whose methods does anything."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


def _nothing(*_: Any, **__: Any) -> None:
    """In place of a method that needs a fit."""


def optimizers_of(module: LightningModule) -> list[torch.optim.Optimizer]:
    """The optimizers that configure_optimizers returns, in any of Lightning's forms."""
    result: Any = module.configure_optimizers()
    if isinstance(result, tuple | list) and result and isinstance(result[0], tuple | list):
        result = result[0]  # a list of optimizers and one of schedules
    parts = result if isinstance(result, tuple | list) else [result]
    return [cast(Any, part["optimizer"] if isinstance(part, dict) else part) for part in parts if part is not None]
