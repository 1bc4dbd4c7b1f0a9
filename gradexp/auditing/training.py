"""What shows in a few steps of training: one batch can be learnt by heart, seeds repeat, gradients begin at zero."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject, copied

SAMPLES = 16
STEPS = 200
FURTHER_STEPS, RATE = 600, 0.1
LEARNT = 0.02  # share of the first loss that may be left


def learns_by_heart(subject: Subject) -> Check:
    """A few samples are learnt to nearly no loss; as many as the model has parameters for, at most 16."""
    name = "learns a few samples by heart"
    own = subject.again()
    parameters = [parameter for parameter in own.module.parameters() if parameter.requires_grad]
    with torch.no_grad():
        wide = own.outputs(subject.inputs[:1]).numel()
    room = sum(parameter.numel() for parameter in parameters) // (4 * wide)
    count = min(SAMPLES, len(subject.inputs), max(room, 1))
    inputs, targets = subject.inputs[:count], subject.targets[:count]
    if not parameters:
        return Check(name, None, "there is nothing to train")

    def loss() -> Tensor:
        return own.loss(own.outputs(inputs), targets)

    first, floor = loss().item(), own.least_loss(own.outputs(inputs), targets)
    if not loss().requires_grad:
        return Check(name, False, "the loss has no gradient", "a detach or no_grad stands on the way to the loss")
    least = first
    # It finds its own step length, whatever the units of the inputs and the targets.
    optimizer: torch.optim.Optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> float:
        nonlocal least
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        least = min(least, value.item())
        return value.item()

    def is_learnt() -> bool:
        return least - floor <= LEARNT * abs(first - floor)

    at_best = f" (least possible {floor:.3g})" if floor else ""
    optimizer.step(step)
    took = f"at most {STEPS} steps of L-BFGS"
    if not is_learnt():  # L-BFGS stalls at kinks, which an absolute value has at its minimum
        optimizer = torch.optim.Adam(parameters, lr=RATE)
        for number in range(FURTHER_STEPS):
            optimizer.param_groups[0]["lr"] = RATE * (1 - number / FURTHER_STEPS)
            optimizer.step(step)
        took += f" and {FURTHER_STEPS} of Adam"
    return Check(
        name,
        is_learnt(),
        f"{count} samples: loss {first:.3g} falls to {least:.3g}{at_best} in {took}",
        "look at the gradients, at the loss, and whether targets belong to their samples",
    )


def repeats(subject: Subject, seed: int) -> Check:
    """Two passes from one seed, in training mode with all that is random, are equal bit for bit, gradients too."""
    seen = []
    for _ in range(2):
        own = subject.again()
        own.module.train()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            value = own.loss(own.outputs())
        parameters = [parameter for parameter in own.module.parameters() if parameter.requires_grad]
        found: Any = torch.autograd.grad(value, parameters, allow_unused=True) if value.requires_grad else ()
        seen.append([value.detach(), *(gradient for gradient in found if gradient is not None)])
    same = all(torch.equal(one, other) for one, other in zip(*seen, strict=True))
    figure = "two passes are equal, bit for bit" if same else "two passes differ"
    return Check("one seed, one result", same, figure, "something is random that torch.manual_seed does not govern")


class _Watch(Callback):
    """Whether gradients are there before a backward that should begin from none."""

    def __init__(self) -> None:
        self.left = 0.0

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self.left = max([self.left, *(float(gradient.abs().max()) for gradient in gradients)])


def begins_at_zero(subject: Subject) -> Check:
    """In Lightning's own loop gradients are set to zero before each step."""
    name = "gradients begin at zero"
    module = copied(subject.original, torch.float32)
    if not isinstance(module, LightningModule) or not is_overridden("training_step", module, LightningModule):
        return Check(name, None, "there is no training step of Lightning's")
    watch = _Watch()
    inputs = subject.inputs.float() if subject.inputs.is_floating_point() else subject.inputs
    targets = subject.targets.float() if subject.targets.is_floating_point() else subject.targets
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=max(len(inputs) // 2, 1))
    with _quiet():
        trainer = Trainer(
            max_steps=3, max_epochs=3, accelerator="cpu", devices=1, logger=False, callbacks=[watch],
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            limit_val_batches=0, num_sanity_val_steps=0,
        )  # fmt: skip
        trainer.fit(module.train(), loader)
    figure = f"largest gradient before a backward: {watch.left:.3g}"
    return Check(
        name, watch.left == 0, figure, "call optimizer.zero_grad() before each backward, or let Lightning do it"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
