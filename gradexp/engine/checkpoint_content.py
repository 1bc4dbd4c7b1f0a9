"""What a checkpoint must hold, checked once as it is read: nothing in it can be taken for granted."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gradexp.untrusted import check_plain

SHOWN = 3  # tensors in a note
LIMIT = 2**63  # of whole numbers in tensors

# Parts that a checkpoint may lack, as one of weights alone does.
KINDS = {
    "state_dict": dict, "config": dict, "loops": dict, "callbacks": dict, "optimizer_states": list,
    "lr_schedulers": list, "batches_begun": dict, "event_files": dict, "pytorch-lightning_version": str,
}  # fmt: skip
COUNTS = ("global_step", "epoch", "weights_step", "threads")


def wrong_content(checkpoint: Mapping[str, Any]) -> str:
    """What is wrong with the parts of a checkpoint, a phrase; "" if nothing is."""
    for key, kind in KINDS.items():
        if key in checkpoint and not isinstance(checkpoint[key], kind):
            return f"{key} is a {_name(checkpoint[key])}, not a {kind.__name__}"
    for key in COUNTS:
        if key in checkpoint and not _is_count(checkpoint[key]):
            return f"{key} is {_shown(checkpoint[key])}, not a whole number of at least 0"
    for key in ("batches_begun", "event_files"):
        for name, value in checkpoint.get(key, {}).items():
            if not isinstance(name, str) or not _is_count(value):
                return f"{key}.{name} is {_shown(value)}, not a whole number of at least 0"
    for key in ("optimizer_states", "lr_schedulers"):
        for number, state in enumerate(checkpoint.get(key, [])):
            if not isinstance(state, dict):
                return f"{key}.{number} is a {_name(state)}, not a dict"
    for name, state in checkpoint.get("callbacks", {}).items():
        if not isinstance(state, dict):
            return f"callbacks.{name} is a {_name(state)}, not a dict"
    for name, tensor in checkpoint["state_dict"].items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            return f"state_dict.{name} is a {_name(tensor)}, not a tensor"
    try:
        check_plain(checkpoint["config"], resolved=True)
    except ValueError as error:
        return f"config must be plain data, but {error}"
    return next((f"{key} is not a plain tensor" for key, tensor in _tensors(checkpoint) if not _is_plain(tensor)), "")


def not_finite(state_dict: Mapping[str, Tensor]) -> list[str]:
    """A note that names the tensors with NaN or infinity in them; empty if all numbers are finite."""
    found = []
    for name, tensor in state_dict.items():
        wrong = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
        if wrong:
            found.append(f"{name} ({wrong:,} of {tensor.numel():,})")
    if not found:
        return []
    shown = ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more tensors" if len(found) > SHOWN else "")
    return [f"the checkpoint has weights that are not finite: {shown}"]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LIMIT


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is dense, in memory, and no larger than its memory."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    values = [("", content)]
    while values:
        key, value = values.pop()
        if isinstance(value, Tensor):
            yield key, value
        elif isinstance(value, dict):
            values += [(f"{key}.{name}".lstrip("."), item) for name, item in value.items()]
        elif isinstance(value, list | tuple | set):
            values += [(f"{key}.{place}", item) for place, item in enumerate(value)]


def _name(value: Any) -> str:
    return type(value).__name__


def _shown(value: Any) -> str:
    return repr(value)[:80]
