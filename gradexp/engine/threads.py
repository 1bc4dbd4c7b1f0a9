"""How many threads the steps of a fit run on: a function of their operations and of the cores, never of a timing.

Two threads of OpenMP wait for each other many times a step, spinning. On a machine with other work, where one of them
has no core just then, that takes a small step a hundred times as long; and a small step gains nothing by them. (Letting
them sleep in place of spinning, OMP_WAIT_POLICY=passive, makes a step of the MNIST network twice as long on a quiet
machine, so it is left alone: `python -m tests.benchmarks.threads`.) The number changes the last bits of sums, which is
why it is not measured: the same command gives the same weights.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gradexp.engine.cores import core_count

OPERATIONS_PER_THREAD = 50_000_000  # floating-point operations a step: from twice as many on a second thread pays
OPERATIONS_PER_UPDATE = 12  # of one parameter, by Adam
GIVEN = "OMP_NUM_THREADS"


def operations_per_step(network: nn.Module, sample: Tensor, batch_size: int) -> int:
    """Floating-point operations of a training step: forward, backward and update.

    Counted are matrix products and convolutions, of which the backward pass has two for each of the forward pass, and
    the update of each parameter.

    Args:
        network: Any network; it is left as it is.
        sample: One sample, as a batch [1, ...].
        batch_size: Samples a step.
    """
    training = network.training
    network.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(sample)
    finally:
        network.train(training)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return int(3 * counter.get_total_flops() * batch_size + OPERATIONS_PER_UPDATE * parameters)


def choose_threads(
    setting: int | Literal["auto"], operations: float = 0, saved: int | None = None, processes: int = 1
) -> int:
    """Threads for steps of so many operations: one where they are small, up to all cores where more of them gain.

    OMP_NUM_THREADS, which a user has set, or a sweep's launcher for its workers, wins over all else.

    Args:
        setting: A number, or "auto".
        operations: Floating-point operations a step.
        saved: The number of the run that is taken up, from its checkpoint; None for none.
        processes: Of this fit on this machine, which divide the cores.
    """
    if GIVEN in os.environ:
        return torch.get_num_threads()
    if setting != "auto":
        return setting
    if saved is not None:
        return saved  # for the last bits of the weights depend on it
    return max(1, min(core_count() // processes, int(operations // OPERATIONS_PER_THREAD)))


@contextmanager
def threads_of_one_run() -> Iterator[None]:
    """Leaves torch's threads as they were, and OMP_NUM_THREADS, which Lightning sets for the processes it starts."""
    threads, given = torch.get_num_threads(), os.environ.get(GIVEN)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if given is None:
            os.environ.pop(GIVEN, None)


class Threads(Callback):
    """Sets the number of torch's threads as a fit starts, and keeps it in the checkpoint.

    A fit that is resumed takes the number of its first part.

    Args:
        setting: A number, or "auto".

    Attributes:
        number: The threads that the fit runs on; before it those of torch.
    """

    def __init__(self, setting: int | Literal["auto"]) -> None:
        self.setting = setting
        self._saved: int | None = None
        self.number = torch.get_num_threads()
        self._is_given = GIVEN in os.environ  # asked before the fit, for which Lightning may set it

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_given:
            os.environ.pop(GIVEN, None)
        number = choose_threads(self.setting, _operations(trainer, pl_module), self._saved, trainer.num_devices)
        self.number = trainer.strategy.broadcast(number)  # the first process knows what the user has set
        torch.set_num_threads(self.number)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["threads"] = self.number

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._saved = checkpoint.get("threads")


def _operations(trainer: Trainer, module: LightningModule) -> int:
    """Of a step on this process's cores."""
    if module.device.type != "cpu":
        return 0
    batch_size = getattr(trainer.train_dataloader, "batch_size", None) or 1
    datamodule: Any = getattr(trainer, "datamodule", None)
    try:
        with torch.random.fork_rng(devices=[]):  # augmentation draws
            return operations_per_step(module, datamodule.sample(1)[0], batch_size)
    except Exception:  # another data module, or a module that is not called with inputs
        # Of a dense network: two products a weight and sample in the forward pass, four in the backward pass.
        return sum(6 * batch_size * parameter.numel() for parameter in module.parameters())
