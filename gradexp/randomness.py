"""Random streams as pure functions of where they are used, so that a resumed run draws what the first one drew."""

import hashlib

import torch


def mix(purpose: str, *path: int) -> int:
    """Fold a purpose and a path such as (seed, epoch) into one well-spread 63-bit seed.

    Neighbouring paths give unrelated seeds, which ``seed + epoch`` does not: there seed 0 in epoch 1 and seed 1 in
    epoch 0 are the same stream. The purpose keeps, say, the split apart from the order of the first epoch.
    """
    digest = hashlib.blake2b(repr((purpose, path)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(purpose: str, *path: int) -> torch.Generator:
    """A CPU generator at the start of the stream that belongs to a purpose and a path."""
    return torch.Generator().manual_seed(mix(purpose, *path))
