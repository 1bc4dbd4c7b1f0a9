"""How many members fit in the memory of the device that trains them."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from gradexp.app.vectorized.members import Prepared

SHARE = 0.5  # of the free memory that a stack may take: what follows is an estimate
# Numbers for each weight: itself, its gradient, two states of the optimizer, and the copies of three moments of these:
# the best one, the last one and the one before the epoch.
COPIES = 13
BYTES = 4


def members_that_fit(prepared: Prepared) -> int:
    """How many members such as this one fit beside each other, at least 1, if each has samples of its own.

    A member takes its weights with gradients, optimizer and copies, its samples, twice where seeds differ, and the
    numbers of a batch between the layers: in training all, with their gradients, in evaluation those of two layers.
    """
    member = prepared.member
    weights = sum(parameter.numel() for parameter in member.network.parameters())
    widths = list(_widths(member.network))
    trained = 2 * sum(widths) * (prepared.order.batch_size or len(member.train.targets))
    evaluated = 2 * max(widths, default=0) * min(prepared.data.eval_batch_size, len(member.train.targets))
    numbers = weights * COPIES + max(trained, evaluated)
    samples = sum(part.size for part in (member.train, member.val) if part is not None)
    free = free_memory(member.train.inputs.device)
    return max(1, int(SHARE * free) // (numbers * BYTES + 2 * samples))


def free_memory(device: torch.device) -> int:
    """Bytes of the device's memory that are free."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    with suppress(OSError, StopIteration, ValueError):  # no Linux
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _widths(network: nn.Module) -> Iterable[int]:
    """Outputs of each layer for a sample; of layers other than linear ones, as many as they have weights."""
    for layer in network.modules():
        own = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
        if own:
            yield layer.out_features if isinstance(layer, nn.Linear) else own
