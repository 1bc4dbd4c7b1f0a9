"""What is seen of the torch functions that a pass calls, and what is changed in them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gradexp.auditing.copies import widened

RELUS = {F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6}
CLAMPS = {torch.clamp, torch.clamp_min, Tensor.clamp, Tensor.clamp_min, Tensor.clamp_}
DROPOUTS = {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
LOSSES = {
    F.cross_entropy, F.nll_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.mse_loss, F.l1_loss,
    F.smooth_l1_loss, F.huber_loss,
}  # fmt: skip
NOTED = LOSSES | RELUS | DROPOUTS | {F.scaled_dot_product_attention, F.batch_norm}
LOSS_NAMES = {loss.__name__ for loss in LOSSES}
WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}


class Call(NamedTuple):
    """One call of a loss, a ReLU, a dropout, attention or a batch normalisation.

    Attributes:
        function: Its name, such as "cross_entropy".
        path: The module whose forward called it, such as "encoder.0"; "" outside all of them.
        arguments: By position.
        keywords: By name.
        result: What it returned.
    """

    function: str
    path: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any


class Trace(TorchFunctionMode):
    """Computes in float64, and notes calls and constants.

    A constant is a result that no gradient is meant to reach: what is computed without gradients, a value detached
    outside the forward passes of modules (a target, a stop-gradient), and a detached difference (a straight-through
    estimator). A central difference is the derivative that autograd computes only if these stay as they were.

    Args:
        path: Names of the modules whose forward is running, kept up to date by the owner.
        constants: Those of an earlier pass, to be used in order; None to compute them.
    """

    def __init__(self, path: list[str], constants: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.constants: list[Tensor] = []
        self._path = path
        self._is_no_grad = False  # under no_grad; in the forward of an autograd.Function gradients are disabled too
        self._given = None if constants is None else iter(constants)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        is_in_place = name.endswith("_") and not name.endswith("__")
        if func is Tensor.float:
            func = Tensor.double
        elif func is torch._C._set_grad_enabled:  # which torch.no_grad calls
            self._is_no_grad = not args[0]
        arguments = (*args[:1], *map(_wide, args[1:])) if is_in_place else tuple(map(_wide, args))
        keywords = {key: value if key == "out" else _wide(value) for key, value in (kwargs or {}).items()}
        if is_in_place and self._is_no_grad and isinstance(arguments[0], nn.Parameter):
            return arguments[0]  # weight clipping, a moving average: the weights are the audit's to change
        if func is F.gumbel_softmax and keywords.get("hard"):
            return self._straight_through(func(*arguments, **keywords | {"hard": False}), keywords.get("dim", -1))
        before = arguments[0].detach().clone() if func in RELUS or func in CLAMPS else None
        result = func(*arguments, **keywords)
        if isinstance(result, Tensor) and result.is_floating_point() and self._is_constant(func, arguments):
            result = self._constant(result, is_in_place or "out" in keywords)
        if func in NOTED:
            self._note(name, arguments if before is None else (before,), keywords, result)
        elif func in CLAMPS and _is_relu(arguments, keywords):
            self._note("relu", (before,), keywords, result)
        return result

    def _note(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], result: Any) -> None:
        self.calls.append(Call(name, self._path[-1] if self._path else "", arguments, keywords, result))

    def _straight_through(self, soft: Tensor, dim: int) -> Tensor:
        """What gumbel_softmax returns for hard=True: one-hot values with the gradient of the soft ones."""
        hard = torch.zeros_like(soft).scatter_(dim, soft.argmax(dim, keepdim=True), 1.0)
        return soft + self._constant((hard - soft).detach(), is_written=False)

    def _is_constant(self, func: Callable[..., Any], arguments: Sequence[Any]) -> bool:
        if self._is_no_grad:
            return True
        if func is not Tensor.detach:
            return False
        return not self._path or type(arguments[0].grad_fn).__name__ == "SubBackward0"

    def _constant(self, value: Tensor, is_written: bool) -> Tensor:
        """The value, or the one of the earlier pass; `is_written` if a tensor of the caller has received it."""
        earlier = None if self._given is None else next(self._given, None)
        self.constants.append(value.detach().clone())
        if earlier is None or earlier.shape != value.shape:
            return value
        if is_written:
            return value.copy_(earlier)
        return earlier.clone()


def _wide(value: Any) -> Any:
    """An argument in float64: a tensor, a dtype, or a list of them."""
    if isinstance(value, Tensor):
        return widened(value) if value.dtype in WIDER else value
    if isinstance(value, torch.dtype):
        return WIDER.get(value, value)
    if type(value) in (list, tuple) and value and isinstance(value[0], Tensor):
        return type(value)(map(_wide, value))
    return value


def _is_relu(arguments: Sequence[Any], keywords: dict[str, Any]) -> bool:
    """Whether a clamp has the limit 0 below and none above."""
    least = arguments[1] if len(arguments) > 1 else keywords.get("min")
    most = arguments[2] if len(arguments) > 2 else keywords.get("max")
    return isinstance(least, int | float) and least == 0 and most is None
