"""Several steps in one Lightning batch, because Lightning's work per batch costs as much as a small model's step."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    LearningRateFinder,
    ModelCheckpoint,
    ProgressBar,
    RichProgressBar,
    Timer,
    TQDMProgressBar,
)
from lightning.pytorch.core.hooks import DataHooks, ModelHooks

from gradexp.engine.lightning_internals import callbacks_of, saves_by_steps
from gradexp.engine.step_callback import takes_steps

log = logging.getLogger(__name__)

STEP_HOOKS = ("on_train_batch_start", "on_train_batch_end")
BATCH_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")

# Lightning's callbacks whose hooks work with groups: they draw, watch the clock, or save (see `_needs_single_steps`).
WORKS_WITH_GROUPS = (ProgressBar, TQDMProgressBar, RichProgressBar, Timer, ModelCheckpoint)
IDLE_HOOKS = (Callback, ModelHooks, DataHooks, LightningModule, LightningDataModule)  # base classes: hooks do nothing


class StepGroup:
    """Batches for one step each, in order.

    Args:
        keys: A key for each batch.
        fetch: From a key to its batch; called on each iteration over the group.
    """

    def __init__(self, keys: Sequence[Any], fetch: Callable[[Any], Any] = lambda key: key) -> None:
        self._keys, self._fetch = keys, fetch

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Any]:
        return map(self._fetch, self._keys)


def single_batches(batch: Any) -> StepGroup:
    """The single batches in a Lightning batch, each for one step."""
    return batch if isinstance(batch, StepGroup) else StepGroup((batch,))


def group_bounds(batches: int, size: int, cut: int) -> list[int]:
    """Where the groups of an epoch of `batches` begin and end: every `size` batches, and anew after `cut` of them."""
    return sorted({*range(0, cut, size), *range(cut, batches, size), batches})


def steps_at_once(trainer: Any, wanted: int) -> int:
    """How many steps of a fit are taken at once: `wanted`, or 1 where something needs single steps.

    A hook that needs single steps is logged as a warning. Single steps are also taken with several processes, for
    modules that gradexp does not step, and under Lightning's limits in batches, which count what Lightning gets.
    """
    limits = (trainer.limit_train_batches, trainer.val_check_interval)
    if (
        wanted == 1
        or not takes_steps(trainer.lightning_module)
        or trainer.world_size > 1
        or trainer.overfit_batches
        or not all(isinstance(limit, float) and limit == 1.0 for limit in limits)  # 1.0 is all batches, 1 is one
    ):
        return 1
    names = _needing_single_steps(trainer)
    if names:
        log.warning(
            "%s acts on each step: steps are taken one at a time, not %s at once, which costs about half a "
            "millisecond a step (a class whose hooks work with groups of steps can set takes_groups = True)",
            ", ".join(names),
            wanted,
        )
        return 1
    return wanted


def _needing_single_steps(trainer: Trainer) -> list[str]:
    """Names of the classes whose hooks need single steps: callbacks, the module, the data module."""
    parts = [
        *((callback, STEP_HOOKS) for callback in callbacks_of(trainer)),
        (trainer.lightning_module, STEP_HOOKS + BATCH_HOOKS),
        (getattr(trainer, "datamodule", None), BATCH_HOOKS),
    ]
    return [type(part).__name__ for part, hooks in parts if any(_needs_single_steps(part, hook) for hook in hooks)]


def _needs_single_steps(part: object, hook: str) -> bool:
    if isinstance(part, BatchSizeFinder | LearningRateFinder):
        return True  # they run steps of Lightning's own loop before the fit
    attributes = getattr(part, "__dict__", {})
    if "takes_groups" in attributes or hook in attributes:  # LambdaCallback has its hooks on the instance
        return not attributes.get("takes_groups", False)
    for cls in type(part).__mro__:
        # The class that overrides a hook, or a sub-class of it, says whether the hook works with groups.
        if "takes_groups" in vars(cls):
            return not vars(cls)["takes_groups"]
        if hook in vars(cls):
            if isinstance(part, ModelCheckpoint) and saves_by_steps(part):
                return True
            return cls not in IDLE_HOOKS and cls not in WORKS_WITH_GROUPS
    return False
