"""The part of Lightning's internals that restores a checkpoint; the rest is in lightning_internals."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

from lightning.pytorch import Trainer

RestoredPart = Literal["modules", "training"]


def around_restoring(
    trainer: Trainer,
    context: Callable[[], AbstractContextManager[None]],
    before: Callable[[RestoredPart], None],
    after: Callable[[], None],
) -> None:
    """Let the trainer restore a checkpoint within a context, with a call before each part, and one at the end."""
    connector: Any = trainer._checkpoint_connector
    restore_modules, restore_training = connector._restore_modules_and_callbacks, connector.restore_training_state

    def guarded_modules(ckpt_path: Any = None, *arguments: Any, **keywords: Any) -> None:
        with context():
            if ckpt_path is not None:
                before("modules")
            restore_modules(ckpt_path, *arguments, **keywords)

    def guarded_training() -> None:
        with context():
            if connector._loaded_checkpoint:
                before("training")
                restore_training()
                after()

    connector._restore_modules_and_callbacks = guarded_modules
    connector.restore_training_state = guarded_training


def loop_states(trainer: Trainer) -> dict[str, Any]:
    """The states of the loops of a fit, as a checkpoint has them."""
    return {"fit_loop": trainer.fit_loop.state_dict()}
