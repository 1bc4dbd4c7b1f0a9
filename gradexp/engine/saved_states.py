"""Compares the states in a checkpoint with those of the objects that are to load them, which believe anything."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.optim import Optimizer

from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.lightning_restoring import RestoredPart, loop_states

# Optimizers of torch.optim whose tensors do not have the shapes of the parameters.
OTHER_SHAPES = ("LBFGS", "Adafactor")
LIMIT = 2**63  # of counts


def wrong_states(
    trainer: Trainer, checkpoint: Mapping[str, Any], part: RestoredPart, changed: Collection[str] = ()
) -> Iterator[str]:
    """What is wrong with the states of a part in a checkpoint, before the trainer of a fit restores them.

    Args:
        trainer: The trainer.
        checkpoint: The checkpoint.
        part: What is restored now.
        changed: Sections of the configuration, "optimizer" or "scheduler", that are not those of the checkpoint. Their
            states are not compared.
    """
    if part == "modules":
        states = checkpoint.get("callbacks", {})
        for callback in callbacks_of(trainer):
            key = callback.state_key
            # Another package's callback may save what it likes.
            if key in states and type(callback).__module__.startswith(("gradexp.", "lightning.")):
                yield mismatch(states[key], callback.state_dict(), f"callbacks.{key}", lenient=True)
        return
    yield mismatch(checkpoint.get("loops"), loop_states(trainer), "loops", counts=True)
    if "optimizer" not in changed:
        groups = [optimizer.state_dict()["param_groups"] for optimizer in trainer.optimizers]
        saved = [state.get("param_groups") for state in checkpoint["optimizer_states"]]
        yield mismatch(saved, groups, "optimizer_states.param_groups")
    if "scheduler" in changed:
        return
    schedules: list[Any] = [config.scheduler for config in trainer.lr_scheduler_configs]
    states = checkpoint["lr_schedulers"]
    yield mismatch(states, [schedule.state_dict() for schedule in schedules], "lr_schedulers")
    for number, (state, schedule) in enumerate(zip(states, schedules, strict=False)):
        for name in state.keys() - schedule.state_dict().keys():
            if callable(getattr(schedule, name, None)):  # torch would replace the method by the value
                yield f"lr_schedulers.{number}.{name} has the name of a method"


def mismatch(saved: Any, own: Any, key: str, *, counts: bool = False, lenient: bool = False) -> str:
    """Where a saved state is of another kind than an object's own, a phrase; "" if nowhere.

    Numbers and tensors of one element can stand for each other, and anything for an own None. What either of the two
    lacks is not compared, as states differ between versions.

    Args:
        saved: From the checkpoint.
        own: The object's, before it loads the saved one.
        key: Name of the state, for the phrase.
        counts: Whether numbers must be whole and at least 0, and no further ones are allowed beside them.
        lenient: Whether None can stand for anything, and lists may differ in length.
    """
    if own is None or (saved is None and (lenient or isinstance(own, bool))):
        return ""
    if _is_number(own):
        is_right = _is_number(saved) and (not counts or (isinstance(saved, int) and 0 <= saved < LIMIT))
        is_right &= counts or isinstance(saved, bool) or not isinstance(own, bool)
        return "" if is_right else f"{key} is {repr(saved)[:80]}, not a {'count' if counts else 'number'}"
    for kind in (str, Mapping, (list, tuple)):
        if isinstance(own, kind) and not isinstance(saved, kind):
            return f"{key} is a {type(saved).__name__}, not a {type(own).__name__}"
    if isinstance(own, Mapping):
        if counts and own and all(map(_is_number, own.values())) and saved.keys() - own.keys():
            return f"{key} has {', '.join(map(str, saved.keys() - own.keys()))}"
        found = [
            mismatch(saved[name], own[name], f"{key}.{name}", counts=counts, lenient=lenient)
            for name in own
            if name in saved
        ]
        return next(filter(None, found), "")
    if isinstance(own, list | tuple) and own:
        if len(saved) != len(own):
            return "" if lenient else f"{key} has {len(saved)} parts, not {len(own)}"
        found = [
            mismatch(part, own_part, f"{key}.{number}", counts=counts, lenient=lenient)
            for number, (part, own_part) in enumerate(zip(saved, own, strict=True))
        ]
        return next(filter(None, found), "")
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)


def wrong_optimizer(optimizer: Optimizer, key: str) -> str:
    """What is wrong with the state that an optimizer of torch's has loaded, a phrase; "" if nothing is."""
    if not type(optimizer).__module__.startswith("torch.optim"):
        return ""
    needed = _state_of_one_step(optimizer)
    for number, (parameter, state) in enumerate(optimizer.state.items()):
        missing = needed.keys() - state.keys() if state else set()
        if missing:
            return f"{key}.state.{number} lacks {', '.join(sorted(missing))}"
        for name, value in state.items():
            if name in needed and isinstance(value, Tensor) != isinstance(needed[name], Tensor):
                return f"{key}.state.{number}.{name} is a {type(value).__name__}"
            has_shape = not isinstance(value, Tensor) or value.numel() == 1 or value.shape == parameter.shape
            if not has_shape and type(optimizer).__name__ not in OTHER_SHAPES:
                return f"{key}.state.{number}.{name} is {list(value.shape)}, its parameter {list(parameter.shape)}"
    return ""


def _state_of_one_step(optimizer: Optimizer) -> dict[str, Any]:
    """The state that such an optimizer has for a parameter after a step; empty if it cannot be tried out."""
    if type(optimizer).__name__ in (*OTHER_SHAPES, "SGD"):  # SGD does without what it lacks
        return {}
    options = {name: value for name, value in optimizer.param_groups[0].items() if name in optimizer.defaults}
    weight = torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    try:
        trial: Any = type(optimizer)([weight], **options)
        trial.step()
    except Exception:  # of a class whose defaults are not its arguments
        return {}
    return dict(trial.state[weight])
