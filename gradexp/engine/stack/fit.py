"""Trains several members at once: each step is one batched program."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gradexp.engine.interval import Interval
from gradexp.engine.scalar_tags import RATE
from gradexp.engine.stack.batches import StackedBatches
from gradexp.engine.stack.end_of_epoch import has_ended, measured, step_schedules
from gradexp.engine.stack.finite import FiniteChecks
from gradexp.engine.stack.means import StackedMeans, StackedMetric
from gradexp.engine.stack.member import Member
from gradexp.engine.stack.steps import StackSteps


class StackFit:
    """A fit of several members of one shape: architecture, samples, batches, kind of loss, class of optimizer.

    The members do not feel each other: a member's numbers are the same in a stack of one and of many, and one that
    diverges leaves the stack.

    Args:
        members: What is fitted; the results are written into them.
        metrics: By name, for training and validation.
        log_every_n_steps: Steps between two entries in the members' logs; 0 for none.
        check_val_every_n_epoch: Epochs between two validations.
        clip_by_value: Whether `clip` limits each number of the gradient instead of its norm.
        is_full_batch: Whether every batch is all samples.
        log_also: What else the members' logs get, from a member's parameters by name; None for nothing.

    Attributes:
        members: All of them.
        active: Those whose fit has not ended, in the order of the stack's rows.
        epochs: Done so far.
    """

    def __init__(
        self,
        members: Sequence[Member],
        metrics: Mapping[str, StackedMetric],
        *,
        log_every_n_steps: int = 50,
        check_val_every_n_epoch: int = 1,
        clip_by_value: bool = False,
        is_full_batch: bool = False,
        log_also: Callable[[Mapping[str, Tensor]], Mapping[str, float]] | None = None,
    ) -> None:
        self.members, self.active = list(members), list(members)
        self.epochs = self._steps = 0
        self._is_full_batch, self._log_also = is_full_batch, log_also
        self._validates_every = check_val_every_n_epoch
        self._log_interval = Interval(log_every_n_steps)
        self._stack = StackSteps(members, clip_by_value)
        self._recent, self._of_epoch, self._validation = (StackedMeans(metrics) for _ in range(3))
        self._finite = FiniteChecks()
        self._diverged: dict[int, tuple[str, int]] = {}  # rows, and how and at which step it was found
        # It does not apply: the stack takes the steps of the optimizers that the schedules belong to.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        self._prepare()

    def _prepare(self) -> None:
        """Build all that depends on which members are active, but has no state."""
        self._train = StackedBatches([member.train for member in self.active], self._is_full_batch)
        vals = [member.val for member in self.active if member.val is not None]
        self._val = StackedBatches(vals) if vals else None
        self._has_schedules = any(member.schedules for member in self.active)
        self._rates = [_rate(member) for member in self.active]  # of the last step

    def run(self, after_epoch: Callable[[], None] = lambda: None) -> None:
        """Fit until every member has ended."""
        while self.active:
            self.run_epoch()
            after_epoch()

    def run_epoch(self) -> None:
        """Train all active members for an epoch, validate them, and drop those that have ended."""
        started, members = time.perf_counter(), len(self.active)
        self._before = self._stack.snapshot()
        self._diverged = {}
        for number, (inputs, targets) in enumerate(self._train.epoch(self.epochs, self._steps), start=1):
            self._step(inputs, targets, number)
        self.epochs += 1
        for member in self.active if self._has_schedules else ():
            step_schedules(member, "epoch", self.epochs)
        self._check()
        for row, name in self._stack.not_finite().items():
            self._diverged.setdefault(row, (f"the update of step {self._steps} made {name} not finite", self._steps))
        validated = self._val is not None and self.epochs % self._validates_every == 0
        val = self._validate() if validated else [{}] * members
        self._recent_to_epoch()
        train = _by_member("train", self._of_epoch.compute(), members)
        self._of_epoch.reset()
        share = (time.perf_counter() - started) / members
        ended = [self._end(row, train[row], val[row], share) for row in range(members)]
        if self._has_schedules:
            self._stack.read_numbers()
        if any(ended):
            self._keep([row for row, has_left in enumerate(ended) if not has_left])

    def _step(self, inputs: Tensor, targets: Tensor, number: int) -> None:
        outputs, loss, penalty = self._stack.take(inputs, targets, self._steps, self._finite.record)
        self._steps += 1
        self._finite.end_step(self._steps, loss if penalty is None else loss + penalty)
        self._recent.update(outputs, targets, loss, penalty)
        if self._has_schedules:
            self._rates = [_rate(member) for member in self.active]
        if self._log_interval.is_over(self._steps):
            self._check()
            self._log()
        if self._has_schedules:
            for member in self.active:
                step_schedules(member, "step", number)
            self._stack.read_numbers()

    def _check(self) -> None:
        for row, how in self._finite.check().items():
            self._diverged.setdefault(row, (how, self._steps))

    def _log(self) -> None:
        """Add the means since the last log to the members' logs."""
        values = _by_member("train", self._recent.compute(), len(self.active))
        for row, (member, of_member) in enumerate(zip(self.active, values, strict=True)):
            if row not in self._diverged:
                member.logs.append((self._steps, of_member | {RATE: self._rates[row]}))
                if self._log_also is not None:
                    member.logs.append((self._steps, dict(self._log_also(self._stack.parameters_of(row)))))
        self._recent_to_epoch()

    def _recent_to_epoch(self) -> None:
        self._of_epoch.add(self._recent)
        self._recent.reset()

    def _validate(self) -> list[dict[str, float]]:
        assert self._val is not None
        for inputs, targets in self._val.epoch(0):
            outputs, loss = self._stack.evaluate(inputs, targets)
            self._validation.update(outputs, targets, loss)
        values = self._validation.compute()
        self._validation.reset()
        return _by_member("val", values, len(self.active))

    def _end(self, row: int, train: dict[str, float], val: dict[str, float], seconds: float) -> bool:
        """Note the end of the epoch for a member; returns whether its fit has ended."""
        member = self.active[row]
        if row in self._diverged:
            member.at_end = self._before(row)
            member.seconds += seconds
            member.diverged, member.steps = self._diverged[row]
            return True
        member.seconds += seconds
        member.epochs, member.steps = self.epochs, self._steps
        if val:
            member.logs.append((self._steps, val))
        member.logs.append((self._steps, {"train/loss_epoch": train["train/loss"]}))
        earlier = {name: value for name, value in member.metrics.items() if name.startswith("val/")}
        is_best = measured(member, earlier | val | train | {"lr": self._rates[row]}, bool(val))
        ended = has_ended(member, bool(val))
        if is_best or ended:
            moment = self._stack.moment(row)
            member.at_best = moment if is_best else member.at_best
            member.at_end = moment if ended else None
        return ended

    def _keep(self, rows: Sequence[int]) -> None:
        self.active = [self.active[row] for row in rows]
        if self.active:
            self._stack.keep(self.active, torch.tensor(rows))
            self._prepare()

    def state(self) -> dict[str, Any]:
        """The state between two epochs, as plain data for a file."""
        active = {self.members.index(member): self._stack.state(row) for row, member in enumerate(self.active)}
        members = [member.state() for member in self.members]
        return {"epochs": self.epochs, "steps": self._steps, "active": active, "members": members}

    def load_state(self, state: Mapping[str, Any], chosen: Sequence[int]) -> None:
        """Continue from a state of a stack in which the members had these numbers."""
        self.epochs, self._steps = state["epochs"], state["steps"]
        self._log_interval.start(self._steps)
        for member, number in zip(self.members, chosen, strict=True):
            member.load_state(state["members"][number])
        rows = [row for row, number in enumerate(chosen) if number in state["active"]]
        self.active = [self.members[row] for row in rows]
        if self.active:
            self._stack.load(self.active, [state["active"][chosen[row]] for row in rows])
            self._prepare()


def _by_member(stage: str, values: Mapping[str, Tensor], members: int) -> list[dict[str, float]]:
    """The values of each member, by their full names."""
    if stage == "train":
        penalty = values.get("penalty", torch.zeros(members, device=values["loss"].device))
        values = {**values, "penalty": penalty, "objective": values["loss"] + penalty}
    columns = {f"{stage}/{name}": value.float().tolist() for name, value in values.items()}
    return [{name: column[row] for name, column in columns.items()} for row in range(members)]


def _rate(member: Member) -> float:
    return float(member.optimizer.param_groups[0]["lr"])
