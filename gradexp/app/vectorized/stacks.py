"""Trains jobs in stacks, from the beginning or from the states that a killed sweep has left."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from gradexp.app.vectorized.members import Alone, Preparation, Prepared
from gradexp.app.vectorized.memory import members_that_fit
from gradexp.app.vectorized.state_file import Saved, StateFile, path_of, saved_stacks
from gradexp.app.vectorized.trained import Trained
from gradexp.callbacks.parameter_scalars import ParameterScalars, scalars
from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.configuration.hashes import config_hash
from gradexp.engine.lightning_internals import drop_slow_cuda_check
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.rounding import round_alike
from gradexp.engine.threads import threads_of_one_run

log = logging.getLogger(__name__)

CACHE = 4 * 2**20  # bytes of weights, gradients and optimizer's state that stay in a core's cache
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
        bar: Where progress is drawn.
    """

    def __init__(self, jobs: Mapping[str, DictConfig], sweep: Path, max_members: int | None, bar: ProgressBar) -> None:
        self._jobs = jobs
        self._hashes = {name: config_hash(cfg) for name, cfg in jobs.items()}
        self._sweep, self._max_members, self._bar = sweep, max_members, bar
        self._prepare = Preparation()

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
                yield from self._stack(saved.names, saved)
        while waiting:
            size = self._size(waiting[0])
            yield from self._stack(waiting[:size])
            waiting = waiting[size:]

    def _size(self, name: str) -> int:
        """How many members are trained at once with this job: as many as are fastest, and fit in the memory."""
        try:
            prepared = self._prepare(self._jobs[name])
        except Exception:  # which the job will say
            return SMALLEST
        numbers = sum(parameter.numel() for parameter in prepared.member.network.parameters())
        is_on_cpu = prepared.member.train.inputs.device.type == "cpu"
        # On a CPU, the members whose weights, gradients and optimizer's state fit in a core's cache together.
        fastest = max(SMALLEST, min(LARGEST, CACHE // (16 * numbers))) if is_on_cpu else LARGEST
        return min(self._max_members or fastest, members_that_fit(prepared))

    def _stack(self, names: Sequence[str], saved: Saved | None = None) -> Iterator[Stacked]:
        ready: dict[str, Prepared] = {}
        alone: dict[str, str] = {}
        for name in names:
            try:
                ready[name] = self._prepare(self._jobs[name])
            except Exception as error:  # a job's own error, which it will say when it runs alone
                alone[name] = str(error) if isinstance(error, Alone) else ""
        if alone:
            yield Stacked({}, alone)
        parts: dict[Sizes, dict[str, Prepared]] = defaultdict(dict)
        for name, prepared in ready.items():
            parts[sizes(prepared)][name] = prepared
        if saved is not None and (alone or len(parts) > 1):  # the data have changed since: all begin anew
            saved.path.unlink(missing_ok=True)
            saved = None
        for part in parts.values():
            yield from self._fit(part, saved)

    def _fit(self, ready: Mapping[str, Prepared], saved: Saved | None) -> Iterator[Stacked]:
        """Train members of equally many samples."""
        path = path_of(self._sweep, next(iter(ready))) if saved is None else saved.path
        file = StateFile(path, {name: self._hashes[name] for name in ready})
        try:
            with threads_of_one_run():
                torch.set_num_threads(1)
                fit = _fit_of(list(ready.values()))
                if saved is not None:
                    fit.load_state(saved.state, saved.numbers)
                _run(fit, file, f"{len(ready)} jobs at once", self._bar)
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


def _run(fit: StackFit, file: StateFile, label: str, bar: ProgressBar) -> None:
    bar.begin()
    epochs = max(member.max_epochs for member in fit.members)

    def after_epoch() -> None:
        if file.is_due():
            file.write(fit.state())
        if bar.is_due():
            bar.draw(label, fit.epochs, epochs, _best_so_far(fit))

    try:
        fit.run(after_epoch)
    finally:
        bar.end()


def _best_so_far(fit: StackFit) -> str:
    scores: list[Any] = [member.best.score for member in fit.members if member.best is not None]
    if not scores:
        return ""
    best = max(scores) if fit.members[0].mode == "max" else min(scores)
    return f"best {fit.members[0].monitor} {best:.4g}"
