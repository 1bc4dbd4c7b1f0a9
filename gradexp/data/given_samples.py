"""Samples that a Python program holds, in arrays, tensors or lists, as raw samples of a preprocessor."""

import reprlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradexp.data.preprocessors import Preprocessor


def as_tensor(given: Any) -> Tensor | None:
    """A tensor, an array, or a sequence of numbers, arrays or tensors, as a tensor; None if it holds anything else."""
    if isinstance(given, Tensor):
        return None if given.is_complex() else given
    if isinstance(given, list | tuple):
        given = [one.numpy(force=True) if isinstance(one, Tensor) else one for one in given]
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):  # rows of different lengths
        return None
    if array.dtype.kind not in "biuf":
        return None
    if array.dtype.kind == "u" and array.itemsize > 1:
        array = array.astype(np.int64)  # torch has few operations for other unsigned types
    elif array.itemsize > 8 or not array.dtype.isnative:
        array = array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
    return torch.tensor(np.ascontiguousarray(array))


def raw_numbers(given: Any, preprocessor: Preprocessor | None, more: str = "") -> Tensor:
    """Numbers as the preprocessor takes them [samples, *its shape], in its type; one sample may lack the first axis.

    Args:
        given: A tensor, an array or a sequence.
        preprocessor: None if numbers of any shape go into the model as they are.
        more: What else could have been given, for the message.

    Raises:
        ValueError: It holds other things than numbers, or has another shape.
    """
    tensor = as_tensor(given)
    if tensor is not None and preprocessor is None:
        return tensor.float() if tensor.dtype == torch.float64 and not isinstance(given, Tensor) else tensor
    shape = () if preprocessor is None else preprocessor.shape
    if tensor is not None and tuple(tensor.shape) == shape:
        tensor = tensor.unsqueeze(0)
    if tensor is None or preprocessor is None or tensor.ndim == 0 or tuple(tensor.shape[1:]) != shape:
        expected = f" of shape [{', '.join(['samples', *map(str, shape)])}]" if shape else ""
        raise ValueError(
            f"samples must be numbers{expected}, in a NumPy array, a tensor or a list{more}; got {received(given)}."
        )
    return tensor.to(preprocessor.dtype)


def received(given: Any) -> str:
    """What was given, for a message: its type, and its shape or its value."""
    kind = type(given).__name__
    tensor = as_tensor(given)
    shape = list(tensor.shape) if tensor is not None else getattr(given, "shape", None)
    if shape is not None:
        return f"{kind} of shape {list(shape)}"
    if isinstance(given, list | tuple):
        inside = ", ".join(dict.fromkeys(type(one).__name__ for one in given))
        return f"{kind} of {len(given)} ({inside})"
    return f"{kind} {reprlib.repr(given)}"
