"""A folder of images like a new user's."""

from pathlib import Path

import numpy as np
from PIL import Image


def make(root: str = "pets", classes: tuple[str, ...] = ("cat", "dog"), number: int = 20, mode: str = "RGB") -> Path:
    """Write images of different sizes; the brightest colour channel is the class."""
    rng = np.random.default_rng(0)
    for index, name in enumerate(classes):
        folder = Path(root, name)
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(number):
            pixels = rng.integers(0, 120, (*rng.integers(8, 40, 2), 3)).astype(np.uint8)
            pixels[..., index % 3] += 120
            Image.fromarray(pixels).convert(mode).save(folder / f"{n}.{'png' if n % 2 else 'jpg'}")
    return Path(root)
