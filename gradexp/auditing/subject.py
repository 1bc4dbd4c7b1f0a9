"""The subject of an audit: a copy of the module, one batch, and the objective that is really trained."""

import copy
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradexp.auditing.batches import Batch, is_pair, mapped, tensors_in
from gradexp.auditing.copies import State, copied, widen, widened
from gradexp.auditing.noise import RepeatedNoise
from gradexp.auditing.passes import Forward, Pass
from gradexp.auditing.trace import Trace
from gradexp.auditing.training_step import Term, TrainingStep, trainer_for_steps
from gradexp.engine.stepped_module import SteppedModule
from gradexp.models import AbstractModule

Loss = Callable[[Tensor, Tensor], Tensor]


class Subject:
    """A copy of a module in float64 on the CPU. Changing the copy leaves the user's module untouched.

    The objective of a LightningModule is that of its own training_step. That of our models, of any other module, and
    under a given `loss`, is the loss of the module's outputs plus its `penalty` if it has one. Two passes of the same
    mode and seed compute the same. The arguments are those of `audit`.
    """

    def __init__(self, module: nn.Module, batch: Batch, loss: Loss | None, seed: int = 0) -> None:
        self.original = module
        self.original_batch = batch
        self.batch = mapped(batch, lambda tensor: widened(tensor.detach().cpu()))
        self.seed = seed
        self.uses_own_loss = loss is None
        self._given_loss = loss
        self._trainer: Trainer | None = None
        self._prepare()

    def _prepare(self) -> None:
        self.module = widen(copied(self.original))
        if not self.original.training:  # a whole module in evaluation mode is trained in training mode
            self.module.train()
        self._modes = [(part, part.training) for part in self.module.modules()]
        given = self._given_loss
        own_loss = getattr(self.module, "loss", None)
        loss = widen(copied(given)).train() if isinstance(given, nn.Module) else given
        self._loss: Loss = loss or (own_loss if callable(own_loss) else nn.functional.cross_entropy)
        self._penalty = getattr(self.module, "penalty", None)
        self._step = None
        if self.takes_any_batch:
            self._trainer = self._trainer or trainer_for_steps()
            self._step = TrainingStep(cast(LightningModule, self.module), self._trainer)
        self._path: list[str] = []
        self._forwards: list[Forward] = []
        for name, part in self.module.named_modules():
            if next(part.parameters(), None) is not None:
                part.register_forward_pre_hook(partial(self._enter, name or "module"))
                part.register_forward_hook(self._leave, with_kwargs=True, always_call=True)
        self._state = State(self.module)

    @property
    def runs_training_step(self) -> bool:
        """Whether the module defines its objective by a training_step of its own."""
        module = self.original
        if isinstance(module, SteppedModule) and module.takes_steps:
            return False
        return isinstance(module, LightningModule) and is_overridden("training_step", module, LightningModule)

    @property
    def takes_any_batch(self) -> bool:
        """Whether a training_step takes the batch as it is."""
        return self.uses_own_loss and self.runs_training_step

    @property
    def has_own_gradients(self) -> bool:
        """Whether a rule of the module replaces the gradients, as Rosenblatt's does."""
        return self.uses_own_loss and isinstance(self.original, SteppedModule) and self.original.has_own_gradients

    @property
    def has_pair(self) -> bool:
        """Whether the batch is inputs and targets."""
        return is_pair(self.batch)

    @property
    def inputs(self) -> Tensor:
        """The first tensor of the batch, [batch, ...]."""
        return tensors_in(self.batch)[0]

    @property
    def targets(self) -> Tensor:
        """The second tensor of the batch; the first if there is one."""
        return tensors_in(self.batch)[:2][-1]

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The trainable parameters by name; one that several parts share is listed once."""
        return {name: weight for name, weight in self.module.named_parameters() if weight.requires_grad}

    def mixes_by_norm(self, training: bool) -> bool:
        """Whether batch normalisation mixes the samples of a mode by design."""
        if any(isinstance(part, _BatchNorm) and part.running_mean is None for part in self.module.modules()):
            return True
        calls = self.run(training).calls if training else []
        return any(call.function == "batch_norm" and call.keywords.get("training") for call in calls)

    @property
    def repeatable_modes(self) -> list[bool]:
        """Training mode unless its objective is random, and evaluation mode unless its objective is the same."""
        training, again = (self.run(True, seed=self.seed + number).objective.item() for number in (0, 1))
        if training != again:
            return [False]
        try:
            evaluation = self.run(False).objective.item()
        except Exception:  # a training_step may be of no use in evaluation mode
            return [True]
        return [True] if training == evaluation else [True, False]

    def loss(self, outputs: Tensor, targets: Tensor | None = None) -> Tensor:
        """The loss of outputs [batch, ...], for a module without a training_step of its own."""
        return self._loss(outputs, self.targets if targets is None else targets)

    def run(
        self,
        training: bool = False,
        batch: Batch = None,
        seed: int | None = None,
        constants: Sequence[Tensor] | None = None,
        outputs: Tensor | None = None,
        copies: int = 1,
        penalty: bool = True,
    ) -> Pass:
        """Evaluate the objective.

        Args:
            training: Whether in training mode.
            batch: By default the audited one.
            seed: Of all random numbers; by default the audit's.
            constants: Of an earlier pass, see Trace.
            outputs: What the module's forward returns; by default its own outputs.
            copies: The batch holds so many copies of the audited one, which get the same random numbers.
            penalty: Whether to include the `penalty` method.
        """
        samples = mapped(self.batch if batch is None else batch, Tensor.clone)
        trace = Trace(self._path, constants)
        self._forwards = []
        # A step under manual optimization may write to weights by `.data`, as weight clipping does.
        is_manual = self._step is not None and self._step.is_manual
        weights = [(weight, weight.detach().clone()) for weight in self.module.parameters()] if is_manual else []
        with self.in_mode(training), ExitStack() as stack:
            if outputs is not None:
                replaced: dict[str, Any] = {"forward": lambda *_, **__: outputs}
                vars(self.module).update(replaced)
            self._seed(self.seed if seed is None else seed)
            if copies > 1:
                stack.enter_context(RepeatedNoise(copies, len(self.inputs)))
            stack.enter_context(trace)
            terms = self._terms(samples, penalty)
            keeps_mode = self.module.training == training
        for weight, values in weights:
            weight.data.copy_(values)
        events = list(self._step.events) if self._step is not None else []
        return Pass(terms, trace.calls, trace.constants, self._forwards, events, keeps_mode)

    def _terms(self, batch: Batch, penalty: bool) -> list[Term]:
        if self._step is not None:
            return self._step.terms(batch)
        module = self.module
        if self.uses_own_loss and isinstance(module, SteppedModule) and not _is_loss_and_penalty(module):
            return [Term(module.training_objective(batch)[0], None)]
        loss = self.loss(module(batch[0]), batch[1])
        return [Term(loss + cast(Tensor, self._penalty()) if penalty and callable(self._penalty) else loss, None)]

    def call(self, forward: Forward, arguments: tuple[Any, ...], training: bool = False) -> Any:
        """The outputs of the whole module for other arguments than those of an earlier call, with the same seed."""
        with self.in_mode(training), torch.no_grad(), Trace(self._path):
            self._seed(self.seed)
            return self.module(*mapped(arguments, Tensor.clone), **forward.keywords)

    @contextmanager
    def in_mode(self, training: bool) -> Iterator[None]:
        """Set the mode, and restore afterwards what passes have changed in the module, except its parameters."""
        if training:
            for part, mode in self._modes:
                part.training = mode
        else:
            self.module.eval()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._state.restore()
            self._path.clear()

    def fresh_copy(self) -> "Subject":
        """The same subject with a new copy of the user's module, for a check that changes the module."""
        subject = copy.copy(self)
        subject._prepare()
        return subject

    def _seed(self, seed: int) -> None:
        torch.default_generator.manual_seed(seed)  # torch.manual_seed, 0.5 ms, seeds devices that are not used
        random.seed(seed)
        np.random.seed(seed)  # what a user's code draws from

    def _enter(self, name: str, part: nn.Module, arguments: Any) -> None:
        self._path.append(name)

    def _leave(self, part: nn.Module, arguments: Any, keywords: Any, outputs: Any) -> None:
        self._path.pop()
        if part is self.module:
            self._forwards.append(Forward(arguments, keywords, outputs))


def _is_loss_and_penalty(module: nn.Module) -> bool:
    return isinstance(module, AbstractModule) and type(module).training_objective is AbstractModule.training_objective
