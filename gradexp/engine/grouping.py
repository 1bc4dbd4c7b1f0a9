"""How many steps of a fit are taken at once."""

import logging
from typing import Any

from gradexp.engine.step_callback import needing_single_steps, takes_steps

log = logging.getLogger(__name__)


def steps_at_once(trainer: Any, wanted: int) -> int:
    """`wanted`, or 1 where something needs each step by itself; where that is a hook, one line says whose.

    Lightning's limits are in batches that it is handed; several processes, and modules that are not stepped by the
    engine, take what is one batch to Lightning as one step.
    """
    limits = (trainer.limit_train_batches, trainer.val_check_interval)
    if (
        wanted == 1
        or not takes_steps(trainer.lightning_module)
        or trainer.world_size > 1
        or trainer.overfit_batches
        or not all(_is_everything(limit) for limit in limits)
    ):
        return 1
    names = needing_single_steps(trainer)
    if names:
        log.warning(
            "%s acts on each step: steps are taken one at a time, not %s at once, which costs about half a "
            "millisecond a step (a class whose hooks need no single steps says takes_groups = True)",
            ", ".join(names),
            wanted,
        )
        return 1
    return wanted


def _is_everything(limit: Any) -> bool:
    """Whether a limit is none: 1.0 is all batches, 1 is one."""
    return isinstance(limit, float) and limit == 1.0
