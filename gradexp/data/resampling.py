"""Several training sets from one training part."""

import torch

from gradexp.data.sources import Batch, Source
from gradexp.randomness import generator


def training_sets(source: Source, copies: int, size: int | float, seed: int) -> Batch:
    """Draw several training sets from the training part, each without replacement.

    Args:
        source: The training part.
        copies: Number of sets.
        size: Samples per set, as a number or as a fraction of the training part.
        seed: What draws them.

    Returns:
        Inputs [copies, samples, ...] and targets [copies, samples, ...], on the CPU.

    Raises:
        ValueError: The training part has fewer samples.
    """
    number = size if isinstance(size, int) else round(size * len(source))
    if not 0 < number <= len(source):
        raise ValueError(f"resampling.size must be at most {len(source):,}, the training samples; got {size}.")
    streams = [generator("resample", seed, copy) for copy in range(copies)]
    subsets = [source[torch.randperm(len(source), generator=stream)[:number]] for stream in streams]
    inputs, targets = zip(*subsets, strict=True)
    return torch.stack(inputs).cpu(), torch.stack(targets).cpu()
