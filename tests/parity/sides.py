"""Runs jobs on a launcher in this process, without a sweep's report, and records what each trains on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.app.caller_state import caller_state
from gradexp.app.execution import Result, execute
from gradexp.app.vectorized.launcher import VectorizedLauncher
from gradexp.app.vectorized.trained import current
from gradexp.engine.stack.steps import StackSteps
from gradexp.models import AbstractModule
from gradexp.sweeps.launch.jobs import BasicLauncher
from tests.hydra_jobs import started_hydra

STEPS = 200  # of each fit that are recorded
PERTURBATION = 2.0**-20  # the last bits: every step of a fit rounds anew


@dataclass
class Recorded:
    """What a fit begins with and trains on, as digests.

    Attributes:
        weights: The initial weights.
        batches: The inputs and targets of each step.
        masks: Of the dropout layers, in the order of steps and layers: whether each number is kept.
        sizes: Samples of a step.
        is_stacked: Whether a stack trained it.
        is_recording: Whether this step is among the first that are recorded.
    """

    weights: bytes = b""
    batches: list[bytes] = field(default_factory=list)
    masks: list[bytes] = field(default_factory=list)
    sizes: int = 0
    is_stacked: bool = False
    is_recording: bool = False


def digest(*tensors: Tensor) -> bytes:
    found = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        found.update(tensor.detach().contiguous().numpy().tobytes())
    return found.digest()


def run(
    launcher: BasicLauncher | VectorizedLauncher, jobs: Sequence[Sequence[str]], folder: str, perturbed: bool = False
) -> tuple[dict[int, Recorded], Sequence[JobReturn]]:
    """Run jobs on a launcher.

    Args:
        launcher: With its options.
        jobs: The command line of each.
        folder: Of the sweep.
        perturbed: Whether each initial weight is changed in its last bits.

    Returns:
        What each trained on, by its number, and what the launcher returns.
    """
    found: dict[int, Recorded] = {}
    of_member: dict[Any, Recorded] = defaultdict(Recorded)

    def task(cfg: DictConfig) -> Result:
        number, trained = int(HydraConfig.get().job.num), current.get()
        recorder.now = found[number] = Recorded() if trained is None else of_member[trained.prepared.member]
        return execute(cfg)

    with started_hydra() as hydra, caller_state(), recorder.recording(of_member, perturbed):
        # Not hydra/launcher=: so the jobs of both launchers are composed once.
        overrides = ["hydra.mode=MULTIRUN", f"hydra.sweep.dir={Path(folder).absolute()}", "progress=false"]
        config = hydra.compose_config("config", overrides, RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        launcher.setup(hydra_context=context, task_function=task, config=config)
        returns = launcher.launch([list(job) for job in jobs], 0)
    return found, returns


class _Recorder:
    """Records by replacing methods that every step passes."""

    now: Recorded

    @contextmanager
    def recording(self, of_member: dict[Any, Recorded], perturbed: bool) -> Iterator[None]:
        objective, take, dropout = AbstractModule.training_objective, StackSteps.take, nn.Dropout.forward

        def record_step(model: AbstractModule, batch: Any) -> Any:
            if not self.now.weights:
                self.now.weights = digest(*model.network.parameters())
                if perturbed:
                    for parameter in model.network.parameters():
                        parameter.data *= 1 + PERTURBATION
            self.now.is_recording = len(self.now.batches) < STEPS
            if self.now.is_recording:
                self.now.batches.append(digest(*batch))
                self.now.sizes = max(self.now.sizes, len(batch[1]))
            return objective(model, batch)

        def record_stack(steps: StackSteps, inputs: Tensor, targets: Tensor, batch: int, record: Any) -> Any:
            masks = steps._masks.draw(batch, targets.shape[1]) if steps._masks else {}
            for row, member in enumerate(steps._members):
                own = of_member[member]
                own.is_stacked = True
                if not own.weights:
                    own.weights = digest(steps._parameters.values[row])
                if len(own.batches) < STEPS:
                    own.batches.append(digest(inputs[row], targets[row]))
                    own.masks += [digest(mask[row] > 0) for mask in masks.values()]
                    own.sizes = max(own.sizes, targets.shape[1])
            return take(steps, inputs, targets, batch, record)

        def record_mask(layer: nn.Dropout, inputs: Tensor) -> Tensor:
            if layer.training and self.now.is_recording:
                state = torch.get_rng_state()
                self.now.masks.append(digest(F.dropout(torch.ones_like(inputs), layer.p, True) > 0))
                torch.set_rng_state(state)
            return dropout(layer, inputs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AbstractModule, "training_objective", record_step)
            patch.setattr(StackSteps, "take", record_stack)
            patch.setattr(nn.Dropout, "forward", record_mask)
            yield


recorder = _Recorder()
