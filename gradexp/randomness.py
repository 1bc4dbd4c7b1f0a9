"""Random streams as pure functions of their purpose and position, so that a resumed run repeats the first run's."""

import hashlib

import torch


def mix(purpose: str, *path: int) -> int:
    """Hash a purpose and a path such as (seed, epoch) into one 63-bit seed.

    Neighbouring paths give unrelated seeds. With ``seed + epoch``, seed 0 in epoch 1 and seed 1 in epoch 0 would share
    one stream. The purpose separates, for example, the split from the order of the first epoch.
    """
    digest = hashlib.blake2b(repr((purpose, path)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(purpose: str, *path: int) -> torch.Generator:
    """A CPU generator at the start of the stream of a purpose and a path."""
    return torch.Generator().manual_seed(mix(purpose, *path))


def seed_generators(state: int, device: torch.device) -> None:
    """Seed the global generators of the CPU and of a device.

    torch.manual_seed seeds every kind of device, which takes 70 times as long, as long as a layer.
    """
    torch.default_generator.manual_seed(state)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(state)
