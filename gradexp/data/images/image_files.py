"""Images read from files and converted to the shape of a data set."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def image_paths(path: Path) -> list[Path]:
    """`path` itself if it is a file, otherwise the images in the folder `path`, sorted by name.

    Raises:
        ValueError: There is no such file or folder, or no image in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ValueError(f"input must be an image file or a folder of them; there is no {path}.")
    paths = sorted(child for child in path.iterdir() if child.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"input must be a folder with {', '.join(SUFFIXES)} files; {path} has none.")
    return paths


def read_image(path: Path, shape: tuple[int, int, int], white: int = 255, invert_paper: bool = True) -> Tensor:
    """Read an image and scale it to fit into `shape`; black padding keeps its aspect ratio.

    Args:
        path: A file that Pillow can read, such as PNG or JPEG.
        shape: Channels (1 or 3), height and width.
        white: The byte value of full brightness.
        invert_paper: Invert a grey image with a bright border (ink on paper), because data sets of drawn figures show
            bright figures on black.

    Returns:
        The image as bytes [1, channels, height, width].

    Raises:
        ValueError: The file is not an image.
    """
    channels, height, width = shape
    try:
        with Image.open(path) as file:
            # Decodes a large JPEG at a half, a quarter or an eighth of its size, which is several times faster.
            file.draft(None, (4 * max(shape[1:]), 4 * max(shape[1:])))
            upright = ImageOps.exif_transpose(file)
            if upright.mode.startswith("I"):  # 16 bits per pixel, which Pillow's conversion would clip to 8 bits
                upright = Image.fromarray((np.asarray(upright) / 257).round().astype(np.uint8))
            if upright.mode not in ("L", "RGB"):
                # Transparent pixels become white.
                paper = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(paper, upright.convert("RGBA"))
            image = upright.convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"input must be PNG or JPEG images; {path} cannot be read as one ({error}).") from error
    pixels = transforms.pil_to_tensor(image)
    border = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], dim=1)
    if invert_paper and channels == 1 and border.float().median() > 127:
        pixels = 255 - pixels
    scale = min(height / pixels.shape[1], width / pixels.shape[2])
    size = [max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[2] * scale))]
    pixels = transforms.resize(pixels, size, antialias=True)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    pixels = transforms.pad(pixels, [left, top, width - size[1] - left, height - size[0] - top])
    image_bytes: Tensor = (pixels.float() * (white / 255)).round().to(torch.uint8).unsqueeze(0)
    return image_bytes
