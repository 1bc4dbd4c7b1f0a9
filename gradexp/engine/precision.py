"""Tensors between a module of any precision and code outside of the trainer's loops, which convert by themselves."""

import torch
from torch import Tensor


def inputs_for(module: torch.nn.Module, inputs: Tensor) -> Tensor:
    """Inputs [samples, ...] on the device of a module's parameters; real numbers also in their precision.

    A trainer converts its batches; with `trainer.precision=64-true` or `bf16-true` the parameters are of another type
    than the data.
    """
    parameter = next(module.parameters(), None)
    if parameter is None:
        return inputs
    is_real = inputs.is_floating_point() and parameter.is_floating_point()
    return inputs.to(parameter.device, parameter.dtype if is_real else inputs.dtype)


def at_least_single(values: Tensor) -> Tensor:
    """Real numbers in single precision or more: half precision counts only up to 256 (bfloat16), and NumPy lacks it."""
    return values.to(torch.promote_types(values.dtype, torch.float32)) if values.is_floating_point() else values
