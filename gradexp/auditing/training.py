"""Checks in a few training steps: the module overfits a few samples, seeds make it repeatable, gradients are zeroed."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject, copied

SAMPLES = 16
LBFGS_STEPS = 200
ADAM_STEPS, ADAM_RATE = 600, 0.1
MAX_REMAINING = 0.02  # largest share of the initial loss that may remain


def overfits(subject: Subject) -> Check:
    """Train on a few samples until the loss nearly vanishes; on fewer than 16 if the model has few parameters."""
    name = "learns a few samples by heart"
    trained = subject.fresh_copy()
    parameters = [parameter for parameter in trained.module.parameters() if parameter.requires_grad]
    with torch.no_grad():
        num_outputs = trained.outputs(subject.inputs[:1]).numel()
    capacity = sum(parameter.numel() for parameter in parameters) // (4 * num_outputs)
    count = min(SAMPLES, len(subject.inputs), max(capacity, 1))
    inputs, targets = subject.inputs[:count], subject.targets[:count]
    if not parameters:
        return Check(name, None, "there are no trainable parameters")

    def loss() -> Tensor:
        return trained.loss(trained.outputs(inputs), targets)

    first, floor = loss().item(), trained.least_loss(trained.outputs(inputs), targets)
    if not loss().requires_grad:
        return Check(name, False, "the loss has no gradient", "a detach or no_grad stops the gradient of the loss")
    least = first
    # Its line search finds the step length for inputs and targets of any scale.
    optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
        parameters, max_iter=LBFGS_STEPS, line_search_fn="strong_wolfe"
    )

    def step() -> float:
        nonlocal least
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        least = min(least, value.item())
        return value.item()

    def is_overfitted() -> bool:
        return least - floor <= MAX_REMAINING * abs(first - floor)

    minimum = f" (least possible {floor:.3g})" if floor else ""
    optimizer.step(step)
    steps = f"at most {LBFGS_STEPS} steps of L-BFGS"
    if not is_overfitted():  # L-BFGS stalls at kinks, such as the minimum of an absolute value
        optimizer = torch.optim.Adam(parameters, lr=ADAM_RATE)
        for number in range(ADAM_STEPS):
            optimizer.param_groups[0]["lr"] = ADAM_RATE * (1 - number / ADAM_STEPS)
            optimizer.step(step)
        steps += f" and {ADAM_STEPS} of Adam"
    return Check(
        name,
        is_overfitted(),
        f"{count} samples: loss {first:.3g} falls to {least:.3g}{minimum} in {steps}",
        "check the gradients, the loss, and whether targets belong to their samples",
    )


def is_reproducible(subject: Subject, seed: int) -> Check:
    """Compare loss and gradients of two passes in training mode with the same seed, bit for bit."""
    passes = []
    for _ in range(2):
        trained = subject.fresh_copy()
        trained.module.train()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            loss = trained.loss(trained.outputs())
        parameters = [parameter for parameter in trained.module.parameters() if parameter.requires_grad]
        gradients: Any = torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else ()
        passes.append([loss.detach(), *(gradient for gradient in gradients if gradient is not None)])
    same = all(torch.equal(one, other) for one, other in zip(*passes, strict=True))
    figure = "two passes are equal, bit for bit" if same else "two passes differ"
    return Check("one seed, one result", same, figure, "something random does not depend on torch.manual_seed")


def gradients_are_zeroed(subject: Subject) -> Check:
    """Check that gradients are zero before each backward pass in Lightning's training loop."""
    name = "gradients begin at zero"
    module = copied(subject.original, torch.float32)
    if not isinstance(module, LightningModule) or not is_overridden("training_step", module, LightningModule):
        return Check(name, None, "the module has no training_step")
    sizes = [0.0]

    def record(trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        sizes.extend(float(p.grad.abs().max()) for p in pl_module.parameters() if p.grad is not None)

    inputs = subject.inputs.float() if subject.inputs.is_floating_point() else subject.inputs
    targets = subject.targets.float() if subject.targets.is_floating_point() else subject.targets
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=max(len(inputs) // 2, 1))
    recorder = LambdaCallback(on_before_backward=record)
    with _quiet():
        trainer = Trainer(
            max_steps=3, max_epochs=3, accelerator="cpu", devices=1, logger=False, callbacks=[recorder],
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            limit_val_batches=0, num_sanity_val_steps=0,
        )  # fmt: skip
        trainer.fit(module.train(), loader)
    figure = f"largest gradient before a backward pass: {max(sizes):.3g}"
    advice = "call optimizer.zero_grad() before each backward pass, or leave it to Lightning"
    return Check(name, max(sizes) == 0, figure, advice)


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
