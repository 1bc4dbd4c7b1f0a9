"""Checks of activations and dropout, whether they are modules or functions."""

from torch import Tensor

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import DROPOUTS, RELUS, Call

MAX_DEAD = 0.8  # share of a layer's units that may be dead on a batch; deep below ReLUs half of them are at the start
MAX_FAR = 0.25  # share that may be dead by far
FAR = 5  # a unit is dead by far if its mean is below 0 by so many times the size of the live units' values
RELU_NAMES = {relu.__name__ for relu in RELUS}
DROPOUT_NAMES = {dropout.__name__ for dropout in DROPOUTS}


def dead_units(subject: Subject) -> Check:
    """Count dead ReLUs, which are zero for every sample of the batch and so get no gradient from it.

    A layer fails if nearly all are dead, or if many are so far below zero that no other batch will do.
    """
    name = "units are alive"
    dead: dict[str, Tensor] = {}
    failed = False
    for training in (True, False):
        calls = [call for call in subject.run(training).calls if call.function in RELU_NAMES]
        for number, call in enumerate(calls):
            values = _values_of_units(call, len(subject.inputs))
            if values is None:
                continue
            units = (values <= 0).all(dim=1)
            size = values[~units].square().mean().sqrt() if not units.all() else 0
            far = units & (values.mean(1) < -FAR * size)
            failed |= _share(units) > MAX_DEAD or _share(far) > MAX_FAR
            key = call.path or f"ReLU {number}"
            key = f"{key} (call {number})" if sum(other.path == call.path for other in calls) > 1 else key
            if key not in dead or _share(units) > _share(dead[key]):
                dead[key] = units
    if not dead:
        return Check(name, None, "there is no ReLU")
    counts = ", ".join(f"{int(units.sum())} of {units.numel()} in {key}" for key, units in dead.items())
    advice = "use smaller steps or initial weights, a leaky ReLU, or inputs of mean 0"
    return Check(name, not failed, f"dead on the batch: {counts}", advice)


def _values_of_units(call: Call, samples: int) -> Tensor | None:
    """What a ReLU is given [units, values]; None for a loss that is cut off at 0.

    The units of [batch, ..., channels] or [batch, channels, ...] are its channels: the dimension of more dead ones.
    """
    given: Tensor = call.arguments[0]
    if given.ndim < 2 or (not call.path and len(given) != samples):
        return None
    units = [given.movedim(dimension, 0).flatten(1) for dimension in {1, given.ndim - 1} if given.shape[dimension] > 1]
    return max(units, key=lambda values: _share((values <= 0).all(dim=1))) if units else None


def _share(units: Tensor) -> float:
    return float(units.double().mean())


def dropout_ends_with_training(subject: Subject) -> Check:
    """Check that no dropout is active in evaluation mode, as that of functions is by default."""
    name = "dropout is off in evaluation mode"
    calls = [call for call in subject.run().calls if _drops(call)]
    has_dropout = calls or any(_drops(call) for call in subject.run(training=True).calls)
    if not has_dropout:
        return Check(name, None, "there is no dropout")
    places = ", ".join(sorted({call.path or call.function for call in calls}))
    advice = "pass training=self.training to the function, or use the module nn.Dropout"
    return Check(name, not calls, f"active in {places}" if calls else "off", advice)


def mode_is_kept(subject: Subject) -> Check:
    """Check that a training step leaves the module in training mode, in which dropout is on."""
    keeps = subject.run(training=True).keeps_mode
    advice = "call no eval() in the training step: dropout ends, and batch normalisation no longer learns"
    return Check("training mode lasts", keeps, "" if keeps else "the step switches to evaluation mode", advice)


def _drops(call: Call) -> bool:
    if call.function in DROPOUT_NAMES:
        arguments = dict(zip(("input", "p", "training"), call.arguments, strict=False)) | call.keywords
        return bool(arguments.get("training", True)) and float(arguments.get("p", 0.5)) > 0
    if call.function == "scaled_dot_product_attention":
        by_position = call.arguments[4] if len(call.arguments) > 4 else 0.0
        return float(call.keywords.get("dropout_p", by_position)) > 0
    return False
