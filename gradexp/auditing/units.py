"""Checks of activations and dropout, whether they are modules or functions."""

from torch import Tensor

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject
from gradexp.auditing.trace import DROPOUTS, RELUS, Call

MAX_DEAD = 0.25  # share of a layer's units that may be dead on a batch
RELU_NAMES = {relu.__name__ for relu in RELUS}
DROPOUT_NAMES = {dropout.__name__ for dropout in DROPOUTS}


def dead_units(subject: Subject) -> Check:
    """Count dead ReLUs, which are zero for every sample of the batch and so get no gradient from it."""
    name = "units are alive"
    dead: dict[str, Tensor] = {}
    for training in (True, False):
        calls = [call for call in subject.run(training).calls if call.function in RELU_NAMES]
        for number, call in enumerate(calls):
            units = _dead(call, len(subject.inputs))
            if units is not None:
                key = call.path or f"ReLU {number}"
                key = f"{key} (call {number})" if sum(other.path == call.path for other in calls) > 1 else key
                if key not in dead or units.double().mean() > dead[key].double().mean():
                    dead[key] = units
    if not dead:
        return Check(name, None, "there is no ReLU")
    counts = ", ".join(f"{int(units.sum())} of {units.numel()} in {key}" for key, units in dead.items())
    worst = max(float(units.double().mean()) for units in dead.values())
    advice = "use smaller steps or initial weights, a leaky ReLU, or inputs of mean 0"
    return Check(name, worst <= MAX_DEAD, f"dead on the batch: {counts}", advice)


def _dead(call: Call, samples: int) -> Tensor | None:
    """Which units of a ReLU are dead; None for a loss that is cut off at 0.

    The units of [batch, ..., channels] or [batch, channels, ...] are its channels: the dimension of more dead ones.
    """
    result: Tensor = call.result.detach()
    if result.ndim < 2 or (not call.path and len(result) != samples):
        return None
    units = [
        (result.movedim(dimension, 0).flatten(1) <= 0).all(dim=1)
        for dimension in {1, result.ndim - 1}
        if result.shape[dimension] > 1
    ]
    return max(units, key=lambda dead: float(dead.double().mean())) if units else None


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


def _drops(call: Call) -> bool:
    if call.function in DROPOUT_NAMES:
        arguments = dict(zip(("input", "p", "training"), call.arguments, strict=False)) | call.keywords
        return bool(arguments.get("training", True)) and float(arguments.get("p", 0.5)) > 0
    if call.function == "scaled_dot_product_attention":
        by_position = call.arguments[4] if len(call.arguments) > 4 else 0.0
        return float(call.keywords.get("dropout_p", by_position)) > 0
    return False
