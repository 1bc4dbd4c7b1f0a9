"""Batches of any structure of tensors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Batch = Any  # inputs and targets; for a LightningModule whatever its training_step takes


def is_pair(batch: Batch) -> bool:
    """Whether a batch is two tensors of equal length, inputs and targets."""
    return (
        isinstance(batch, tuple | list)
        and len(batch) == 2
        and all(isinstance(part, Tensor) and part.ndim > 0 for part in batch)
        and len(batch[0]) == len(batch[1]) > 0
    )


def tensors_in(batch: Batch) -> list[Tensor]:
    """The tensors of a batch with at least one dimension, in order."""
    if isinstance(batch, Tensor):
        return [batch] if batch.ndim > 0 else []
    parts = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, tuple | list) else ()
    return [tensor for part in parts for tensor in tensors_in(part)]


def mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with a function applied to each tensor."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, dict):
        return {key: mapped(part, function) for key, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [mapped(part, function) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def rows_of(batch: Batch, rows: Tensor | slice) -> Batch:
    """Some samples of a batch: rows of each tensor that is as long as the first."""
    length = len(tensors_in(batch)[0])
    return mapped(batch, lambda tensor: tensor[rows] if tensor.ndim and len(tensor) == length else tensor)


def repeated(batch: Batch, copies: int) -> Batch:
    """Several copies of a batch, one after another."""
    return rows_of(batch, torch.arange(len(tensors_in(batch)[0])).repeat(copies))
