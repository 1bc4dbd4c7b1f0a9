"""Checks of the training loop: seeds make it repeatable, gradients are zeroed, optimizers have all parameters."""

from collections.abc import Iterator
from typing import cast

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import DataLoader

from gradexp.auditing.batches import rows_of
from gradexp.auditing.copies import copied
from gradexp.auditing.flow import FirstSteps
from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject


def is_reproducible(subject: Subject) -> Check:
    """Compare loss and gradients of two passes in training mode with the same seed, bit for bit."""
    passes = []
    for _ in range(2):
        result = subject.fresh_copy()
        one = result.run(training=True)
        gradients = one.gradients(list(result.parameters.values()))
        passes.append([one.objective.detach(), *(gradient for gradient in gradients if gradient is not None)])
    same = len(passes[0]) == len(passes[1]) and all(
        torch.equal(torch.isnan(a), torch.isnan(b)) and torch.equal(a[~torch.isnan(a)], b[~torch.isnan(b)])
        for a, b in zip(*passes, strict=True)
    )
    figure = "two passes are equal, bit for bit" if same else "two passes differ"
    return Check("one seed, one result", same, figure, "something random does not depend on torch.manual_seed")


def in_lightning(subject: Subject, steps: FirstSteps) -> Iterator[Check]:
    """Run Lightning's own loop for three steps, or 16 batches: it ends, and gradients are zero before each backward.

    It runs in the precision that the module has. Under manual optimization the calls of zero_grad are counted instead.
    """
    names = ("runs in Lightning", "gradients begin at zero", "optimizers have every parameter")
    if not isinstance(subject.original, LightningModule) or not is_overridden("training_step", subject.original):
        yield from (Check(name, None, "the module has no training_step") for name in names)
        return
    module = cast(LightningModule, copied(subject.original).train())
    sizes = [0.0]

    def record(trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        sizes.extend(float(p.grad.abs().max()) for p in pl_module.parameters() if p.grad is not None)

    half = max(len(subject.inputs) // 2, 1)
    halves = [rows_of(subject.original_batch, slice(0, half)), rows_of(subject.original_batch, slice(-half, None))]
    trainer = Trainer(
        max_steps=3, max_epochs=1, accelerator="cpu", devices=1, logger=DummyLogger(),
        callbacks=[LambdaCallback(on_before_backward=record)],
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        limit_val_batches=0, num_sanity_val_steps=0,
    )  # fmt: skip
    try:
        trainer.fit(module, DataLoader(halves * 8, batch_size=None))  # type: ignore[arg-type]  # a list has a length
    except Exception as error:
        figure = f"{type(error).__name__}: {error}"[:300]
        yield Check(names[0], False, figure, "a fit fails in the same way: run one for its traceback")
        return
    is_stepped = trainer.global_step > 0
    figure = f"{trainer.global_step} steps" if is_stepped else "no optimizer steps in 16 batches"
    yield Check(names[0], is_stepped, figure, "call optimizer.step() after the backward pass")
    advice = "call optimizer.zero_grad() before each backward pass, or leave it to Lightning"
    if steps.events:
        adding = _steps_without_zero(steps.events)
        yield Check(names[1], not adding, f"{adding} steps without zero_grad" if adding else "zeroed", advice)
    else:
        figure = f"largest gradient before a backward pass: {max(sizes):.3g}"
        yield Check(names[1], max(sizes) == 0, figure, advice)
    owned = {id(weight) for one in trainer.optimizers for group in one.param_groups for weight in group["params"]}
    reached = {name for name, found in steps.gradients.items() if any(part is not None for part in found)}
    missing = [name for name, weight in module.named_parameters() if name in reached and id(weight) not in owned]
    advice = "give them to the optimizer in configure_optimizers, or freeze them with requires_grad_(False)"
    yield Check(names[2], not missing, f"left out: {', '.join(missing)}" if missing else "all that are trained", advice)


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
