"""A batch of one sample, which batch norm cannot normalise."""

import copy
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn

from gradexp.engine.precision import inputs_for

_OF_TORCH = "Expected more than 1 value per channel when training"


def check_batch_norm(trainer: Trainer, module: Any) -> None:
    """Refuse, as training starts, a size of batches that leaves one sample, if a layer's statistics need two.

    Args:
        trainer: The trainer; its training loader has an `order` of batches, else nothing is checked.
        module: The module; only its `network` is checked.

    Raises:
        ValueError: A batch of one sample would end the fit; the message names another size.
    """
    loader: Any = trainer.train_dataloader
    order: Any = getattr(loader, "sampler", None)
    smallest = getattr(order, "smallest_batch", None)
    network = getattr(module, "network", nn.Identity())
    has_batch_norm = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())
    is_limited = trainer.limit_train_batches != 1.0 and order is not None and order.batch_size > 1
    if smallest != 1 or not has_batch_norm or is_limited:
        return
    inputs = inputs_for(module, loader.source[torch.zeros(1, dtype=torch.long)][0])
    try:  # a convolution's statistics are over one image's pixels too
        with torch.no_grad(), torch.random.fork_rng():
            copy.deepcopy(network).train()(inputs)
    except ValueError as error:
        if is_too_small(error):
            samples, size = order.num_rank_samples, order.batch_size
            better = next(number for number in range(max(size, 2), samples + 2) if samples % number != 1)
            raise ValueError(
                f"data.batch_size must leave more than one sample in the last batch, for batch norm; got {size} for "
                f"{samples:,} training samples. Such a size is {better}."
            ) from None
        raise


def is_too_small(error: ValueError) -> bool:
    """Whether torch refused a batch because batch norm has one value per channel."""
    return _OF_TORCH in str(error)
