"""How many threads a fit uses: a function of the operations per step and the number of cores, never of a timing.

OpenMP threads wait for each other many times a step, spinning. A small step gains nothing from a second thread, and on
a busy machine, where a thread may have to wait for a core, it takes a hundred times as long. Waiting asleep instead
(OMP_WAIT_POLICY=passive) doubles the time of a step of the MNIST network on an idle machine, so the policy is left
alone; see `python -m tests.benchmarks.threads`. The number of threads changes the last bits of sums, so a timing must
not decide it: the same command gives the same weights.
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

OPERATIONS_PER_THREAD = 50_000_000  # floating-point operations per step; a second thread pays from twice as many
OPERATIONS_PER_UPDATE = 12  # of one parameter by Adam
VARIABLE = "OMP_NUM_THREADS"


def operations_per_step(network: nn.Module, sample: Tensor, batch_size: int) -> int:
    """Floating-point operations of a training step: forward, backward and update.

    Counts matrix products and convolutions, of which the backward pass has two for each in the forward pass, and the
    update of each parameter.

    Args:
        network: Any network; it is not changed.
        sample: One sample, as a batch [1, ...].
        batch_size: Samples per step.
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
    """The number of threads: one for small steps, up to all cores for large ones.

    OMP_NUM_THREADS, set by the user or by a sweep's launcher for its workers, overrides everything else.

    Args:
        setting: A number, or "auto".
        operations: Floating-point operations per step.
        saved: The number in the checkpoint of a resumed run; None for a new run.
        processes: Processes of this fit on this machine, which share the cores.
    """
    if VARIABLE in os.environ:
        return torch.get_num_threads()
    if setting != "auto":
        return setting
    if saved is not None:
        return saved  # the last bits of the weights depend on it
    return max(1, min(core_count() // processes, int(operations // OPERATIONS_PER_THREAD)))


def threads_that_pay(operations: float) -> int:
    """How many of the threads that this process may use are faster than fewer, for a step of so many operations."""
    available = torch.get_num_threads() if VARIABLE in os.environ else core_count()
    return max(1, min(available, int(operations // OPERATIONS_PER_THREAD)))


@contextmanager
def threads_of_one_run() -> Iterator[None]:
    """Restores torch's threads, and OMP_NUM_THREADS, which Lightning sets for the processes that it starts."""
    threads, variable = torch.get_num_threads(), os.environ.get(VARIABLE)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if variable is None:
            os.environ.pop(VARIABLE, None)


class Threads(Callback):
    """Sets the number of torch's threads as a fit starts, and saves it in the checkpoint for resumed fits.

    Args:
        setting: A number, or "auto".

    Attributes:
        number: The fit's number of threads; before the fit torch's.
    """

    def __init__(self, setting: int | Literal["auto"]) -> None:
        self.setting = setting
        self._saved: int | None = None
        self.number = torch.get_num_threads()
        self._is_set_by_user = VARIABLE in os.environ  # read before the fit, for which Lightning may set it

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_set_by_user:
            os.environ.pop(VARIABLE, None)
        number = choose_threads(self.setting, _operations(trainer, pl_module), self._saved, trainer.num_devices)
        self.use(trainer.strategy.broadcast(number))  # only the first process knows whether the user set it

    def use(self, number: int) -> None:
        """Set torch's threads, and record them as the fit's."""
        self.number = number
        torch.set_num_threads(number)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["threads"] = self.number

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._saved = checkpoint.get("threads")
        if self._saved is not None:  # also for a fit with nothing left to train, whose model is tested
            self.use(choose_threads(self.setting, saved=self._saved))


def _operations(trainer: Trainer, module: LightningModule) -> int:
    """Floating-point operations of a step on the CPU."""
    if module.device.type != "cpu":
        return 0
    batch_size = getattr(trainer.train_dataloader, "batch_size", None) or 1
    datamodule: Any = getattr(trainer, "datamodule", None)
    try:
        with torch.random.fork_rng(devices=[]):  # augmentation draws
            return operations_per_step(module, datamodule.sample(1)[0], batch_size)
    except Exception:  # a data module without `sample`, or a module that is not called with inputs
        # A dense network has two operations per weight and sample in the forward pass and four in the backward pass.
        return sum(6 * batch_size * parameter.numel() for parameter in module.parameters())
