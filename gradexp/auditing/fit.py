"""Checks in a short fit by Lightning: it runs, gradients are zeroed, optimizers have all parameters and descend."""

from collections.abc import Iterator
from typing import Any, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import DataLoader

from gradexp.auditing.batches import mapped, rows_of
from gradexp.auditing.copies import copied
from gradexp.auditing.flow import FirstSteps
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.rules.words import counted

RUNS, ZEROED, OWNED, DESCENDS = (
    "runs in Lightning",
    "gradients begin at zero",
    "optimizers have every parameter",
    "a step follows the gradient",
)


def fit_checks(subject: Subject, steps: FirstSteps) -> Iterator[Check]:
    """Fit for three steps, or 16 batches, in the precision that the module has.

    Under manual optimization the calls of zero_grad are counted, and the direction of a step is not looked at.
    """
    if not isinstance(subject.original, LightningModule) or not is_overridden("training_step", subject.original):
        yield from (Check(name, None, "the module has no training_step") for name in (RUNS, ZEROED, OWNED, DESCENDS))
        return
    batch, count = mapped(subject.original_batch, lambda tensor: tensor.detach().cpu()), len(subject.inputs)
    halves = [rows_of(batch, slice(0, count // 2)), rows_of(batch, slice(-(count // 2), None))]
    try:
        try:
            record, trainer = _fit(subject, halves if count > 3 else [batch])
        except Exception:  # a model may take only batches of one size
            record, trainer = _fit(subject, [batch])
    except Exception as error:
        figure = f"{type(error).__name__}: {error}"[:300]
        yield Check(RUNS, False, figure, "a fit fails in the same way: run one for its traceback")
        return
    is_stepped = trainer.global_step > 0
    figure = counted(trainer.global_step, "step") if is_stepped else "no optimizer steps in 16 batches"
    yield Check(RUNS, is_stepped, figure, "call optimizer.step() after the backward pass")
    yield _zeroed(record, steps.events)
    yield _owned(record, steps, trainer)
    yield _descends(record, trainer)


class _Record(Callback):
    """The largest gradient before each backward pass; of the first step, gradients, weights and their change."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.parameters: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self.before: dict[str, Tensor] = {}
        self.changes: dict[str, Tensor] = {}

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self.parameters = {name: weight for name, weight in pl_module.named_parameters() if weight.requires_grad}
        sizes = [float(weight.grad.abs().max()) for weight in self.parameters.values() if weight.grad is not None]
        self.largest = max([self.largest, *sizes])
        if self.before or not pl_module.automatic_optimization or not loss.requires_grad:
            return
        self.before = {name: weight.detach().clone() for name, weight in self.parameters.items()}
        found = torch.autograd.grad(loss, list(self.parameters.values()), retain_graph=True, allow_unused=True)
        self.gradients = {
            name: part for name, part in zip(self.parameters, found, strict=True) if part is not None and part.any()
        }

    def on_train_batch_end(self, *_: Any) -> None:
        if not self.changes:
            self.changes = {name: self.parameters[name].detach() - self.before[name] for name in self.gradients}


def _fit(subject: Subject, batches: list[Any]) -> tuple[_Record, Trainer]:
    module = cast(LightningModule, copied(subject.original))
    record = _Record()
    trainer = Trainer(
        max_steps=3, max_epochs=1, accelerator="cpu", devices=1, logger=DummyLogger(), callbacks=[record],
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        limit_val_batches=0, num_sanity_val_steps=0,
    )  # fmt: skip
    loader: Any = DataLoader((batches * 16)[:16], batch_size=None)  # type: ignore[arg-type]  # a list has a length
    trainer.fit(module if module.training else module.train(), loader)
    return record, trainer


def _zeroed(record: _Record, events: list[str]) -> Check:
    advice = "call optimizer.zero_grad() before each backward pass, or leave it to Lightning"
    if not events:
        figure = f"largest gradient before a backward pass: {record.largest:.3g}"
        return Check(ZEROED, record.largest == 0, figure, advice)
    adding = _steps_without_zero(events)
    return Check(ZEROED, not adding, f"{counted(adding, 'step')} without zero_grad" if adding else "zeroed", advice)


def _steps_without_zero(events: list[str]) -> int:
    """Optimizer steps that another step precedes with no zero_grad between."""
    count, is_zeroed = 0, True
    for event in events:
        if event == "zero":
            is_zeroed = True
        elif event == "step":
            count += not is_zeroed
            is_zeroed = False
    return count


def _owned(record: _Record, steps: FirstSteps, trainer: Trainer) -> Check:
    owned = {id(weight) for one in trainer.optimizers for group in one.param_groups for weight in group["params"]}
    reached = {name for name, found in steps.gradients.items() if any(part is not None for part in found)}
    missing = [name for name, weight in record.parameters.items() if name in reached and id(weight) not in owned]
    figure = f"left out: {', '.join(missing)}" if missing else "all that are trained"
    advice = "give them to the optimizer in configure_optimizers, or freeze them with requires_grad_(False)"
    return Check(OWNED, not missing, figure, advice)


def _descends(record: _Record, trainer: Trainer) -> Check:
    """Check that the first step lowers the loss to first order, and moves each parameter that has a gradient."""
    rates = {
        id(weight): float(group["lr"])
        for one in trainer.optimizers for group in one.param_groups if "lr" in group for weight in group["params"]
    }  # fmt: skip
    owned = {name: part for name, part in record.changes.items() if id(record.parameters[name]) in rates}
    if not owned or (trainer.lr_scheduler_configs and not any(bool(part.any()) for part in owned.values())):
        return Check(DESCENDS, None, "no step of automatic optimization, or its rate begins at zero")
    slope = sum(float((record.gradients[name].conj() * part).real.sum()) for name, part in owned.items())
    resting = [
        name
        for name, part in owned.items()
        if not bool(part.any()) and not _is_rounded(record, name, rates[id(record.parameters[name])])
    ]
    if resting:
        advice = "a learning rate is zero, or a hook such as on_after_backward removes a gradient"
        return Check(DESCENDS, False, f"not changed by a step: {', '.join(resting)}", advice)
    advice = "the optimizer maximises, or a hook changes the gradient"
    return Check(DESCENDS, slope <= 0, f"the loss changes by {slope:.2g}, to first order", advice)


def _is_rounded(record: _Record, name: str, rate: float) -> bool:
    """Whether a step of gradient descent is too small to change a weight."""
    change = rate * float(record.gradients[name].abs().max())
    return 0 < change < 1e-6 * float(record.before[name].abs().max())
