"""Trains jobs in stacks, from the beginning or from the states that a killed sweep has left."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from gradexp.app.vectorized.members import Alone, Preparation, Prepared
from gradexp.app.vectorized.memory import members_that_fit
from gradexp.app.vectorized.progress import StackProgress
from gradexp.app.vectorized.state_file import Saved, StateFile, path_of, saved_stacks
from gradexp.app.vectorized.trained import THREADS, Trained
from gradexp.callbacks.parameter_scalars import ParameterScalars, scalars
from gradexp.configuration.hashes import config_hash
from gradexp.engine.lightning_internals import drop_slow_cuda_check
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.rounding import round_alike
from gradexp.engine.threads import operations_per_step, threads_of_one_run, threads_that_pay
from gradexp.sweeps import job_folder

log = logging.getLogger(__name__)

# Bytes of weights, gradients and optimizer's state in a stack, beyond which it no longer gets faster: a member-step of
# the default digits takes 0.52, 0.46, 0.46 and 0.41 ms in stacks of 4, 8, 16 and 32.
ENOUGH = 32 * 2**20
SMALLEST, LARGEST = 4, 512  # stacks

Sizes = tuple[int, int]


@dataclass(frozen=True)
class Stacked:
    """What came of some jobs: what was trained for each, or why it must run alone (empty if it says so itself)."""

    trained: dict[str, Trained]
    alone: dict[str, str]


class Stacks:
    """Trains jobs of one shape, as many at once as are fastest.

    Args:
        jobs: The task's configuration of each, by the name of its folder.
        sweep: The sweep's folder.
        max_members: Members of a stack at most; None for as many as are fastest.
        progress: Where it is shown.
    """

    def __init__(
        self, jobs: Mapping[str, DictConfig], sweep: Path, max_members: int | None, progress: StackProgress
    ) -> None:
        self._jobs = jobs
        self._hashes = {name: config_hash(cfg) for name, cfg in jobs.items()}
        self._sweep, self._max_members, self._progress = sweep, max_members, progress
        self._prepare = Preparation()
        self._begun = 0  # stacks
        self._left = len(jobs)  # jobs of later stacks

    def train(self) -> Iterator[Stacked]:
        """Train one stack after the other, first those that a killed sweep has begun."""
        drop_slow_cuda_check()
        round_alike()
        # Members of equal rates beside each other: their updates are one call. Of these, folds, which differ in size.
        waiting = sorted(
            self._jobs, key=lambda name: (str(self._jobs[name].optimizer), self._jobs[name].data.get("fold") or 0)
        )
        for saved in saved_stacks(self._sweep, self._hashes):
            if all(name in waiting for name in saved.names):
                waiting = [name for name in waiting if name not in saved.names]
                yield from self._next(saved.names, saved)
        first = self._first(waiting)
        reason = None if first is None else self._why_one_by_one(first)
        if reason is not None:
            yield Stacked({}, dict.fromkeys(waiting, reason))
            return
        while waiting:
            size = self._size(self._first(waiting))
            yield from self._next(waiting[:size])
            waiting = waiting[size:]

    def _first(self, names: Sequence[str]) -> Prepared | None:
        """The first of these jobs, prepared; None if there is none, or if it cannot be, as it will say itself."""
        try:
            return self._prepare(self._jobs[names[0]]) if names else None
        except Exception:
            return None

    def _next(self, names: Sequence[str], saved: Saved | None = None) -> Iterator[Stacked]:
        """Train the next stack, unless the sweep was stopped: then its jobs say so themselves."""
        self._begun, self._left = self._begun + 1, self._left - len(names)
        if job_folder.is_stopped(self._sweep):
            yield Stacked({}, dict.fromkeys(names, ""))
            return
        for name in names:
            (self._sweep / name).mkdir(parents=True, exist_ok=True)
            job_folder.mark_started(self._sweep / name)
        yield from self._stack(names, saved)
        self._progress.count(self._planned(names))

    def _planned(self, names: Iterable[str]) -> int:
        """The epochs of these jobs, if no `trainer.max_steps` ends them earlier."""
        return sum(self._jobs[name].trainer.max_epochs for name in names)

    def _why_one_by_one(self, prepared: Prepared) -> str | None:
        """Why a stack is slower than one fit after the other; None if it is not, or if the user wants stacks."""
        network, inputs = prepared.member.network, prepared.member.train.inputs
        if self._max_members is not None or inputs.device.type != "cpu":
            return None
        threads = threads_that_pay(operations_per_step(network, inputs[:1], prepared.order.batch_size))
        return f"a step of one keeps {threads} threads busy, of which a stack has one" if threads > 1 else None

    def _size(self, prepared: Prepared | None) -> int:
        """How many members are trained at once with a job: as many as are fastest, and fit in the memory."""
        if prepared is None:
            return SMALLEST
        numbers = sum(parameter.numel() for parameter in prepared.member.network.parameters())
        is_on_cpu = prepared.member.train.inputs.device.type == "cpu"
        fastest = max(SMALLEST, min(LARGEST, ENOUGH // (16 * numbers))) if is_on_cpu else LARGEST
        return min(self._max_members or fastest, members_that_fit(prepared))

    def _stack(self, names: Sequence[str], saved: Saved | None = None) -> Iterator[Stacked]:
        ready: dict[str, Prepared] = {}
        alone: dict[str, str] = {}
        for name in names:
            try:
                ready[name] = self._prepare(self._jobs[name])
            except Alone as reason:
                alone[name] = str(reason)
            except ValueError:  # the job's own error, which it will say when it runs alone
                alone[name] = ""
            except Exception as error:
                alone[name] = f"they cannot be prepared: {_line(error)}"
        parts: dict[Sizes, dict[str, Prepared]] = defaultdict(dict)
        for name, prepared in ready.items():
            parts[sizes(prepared)][name] = prepared
        if saved is not None and (alone or len(parts) > 1):  # the data have changed since: all begin anew
            saved.path.unlink(missing_ok=True)
            saved = None
        for part in parts.values():
            if job_folder.is_stopped(self._sweep):
                yield Stacked({}, dict.fromkeys(part, ""))
            else:
                yield from self._fit(part, saved)
        if alone:  # last: one that fails may stop the sweep
            yield Stacked({}, alone)

    def _fit(self, ready: Mapping[str, Prepared], saved: Saved | None) -> Iterator[Stacked]:
        """Train members of equally many samples."""
        path = path_of(self._sweep, next(iter(ready))) if saved is None else saved.path
        file = StateFile(path, {name: self._hashes[name] for name in ready})
        try:
            with threads_of_one_run():
                torch.set_num_threads(THREADS)
                fit = _fit_of(list(ready.values()))
                if saved is not None:
                    fit.load_state(saved.state, saved.numbers)
                stacks = self._begun + math.ceil(self._left / len(ready))
                longest = max(one.max_epochs for one in fit.members)
                self._progress.begin(self._begun, stacks, len(ready), longest, self._planned(ready))
                _run(fit, file, self._progress)
        except torch.OutOfMemoryError:
            half = len(ready) // 2
            for part in (list(ready)[:half], list(ready)[half:]) if half else ():
                yield from self._stack(part)
            if not half:
                yield Stacked({}, dict.fromkeys(ready, "even one takes too much memory beside the others"))
            return
        except Exception as error:  # of a user's module that torch.vmap cannot batch, for instance
            log.debug("a stack failed", exc_info=error)
            yield Stacked({}, dict.fromkeys(ready, f"they cannot be batched: {_line(error)}"))
            return
        yield Stacked({name: Trained(prepared, len(ready)) for name, prepared in ready.items()}, {})
        if not job_folder.is_stopped(self._sweep):  # else jobs go on from it when the sweep is resumed
            file.remove()


def sizes(prepared: Prepared) -> Sizes:
    """The training and validation samples of a job, of which the members of a stack have equally many."""
    member = prepared.member
    return len(member.train.targets), len(member.val.targets) if member.val is not None else 0


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]


def _fit_of(stack: Sequence[Prepared]) -> StackFit:
    first = stack[0]
    trainer = first.cfg.trainer
    return StackFit(
        [prepared.member for prepared in stack],
        first.metrics,
        log_every_n_steps=trainer.log_every_n_steps,
        check_val_every_n_epoch=trainer.check_val_every_n_epoch,
        clip_by_value=trainer.gradient_clip_algorithm == "value",
        is_full_batch=first.order.is_full_batch,
        log_also=(lambda own: scalars(own.items())) if ParameterScalars.applies(first.model) else None,
    )


def _run(fit: StackFit, file: StateFile, progress: StackProgress) -> None:
    def after_epoch() -> None:
        if file.is_due():
            file.write(fit.state())
        if progress.is_due():
            progress.show(fit.epochs, fit.members[0].monitor, _best_so_far(fit))

    try:
        fit.run(after_epoch)
    finally:
        progress.hide()


def _best_so_far(fit: StackFit) -> float | None:
    scores: list[Any] = [member.best.score for member in fit.members if member.best is not None]
    better = max if fit.members[0].mode == "max" else min
    return better(scores) if scores else None
