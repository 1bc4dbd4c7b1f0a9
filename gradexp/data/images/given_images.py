"""Images that a Python program holds, as the bytes that a trained model takes."""

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gradexp.data.given_samples import as_tensor, received
from gradexp.data.images.image_files import image_bytes, image_paths, read_image
from gradexp.files import user_path

Shape = tuple[int, int, int]  # channels, height, width


def raw_images(given: Any, shape: Shape, white: int, invert_paper: bool) -> Tensor:
    """Images as bytes [samples, *shape].

    Pillow images, files, and arrays of another size are converted as the images of files are, see `read_image`; arrays
    of the model's own size are taken as they are.

    Args:
        given: A Pillow image; a path of an image or of a folder of them; an array or a tensor of bytes; or a list.
        shape: Channels, height and width.
        white: The byte value of full brightness in arrays of the model's own size.
        invert_paper: Whether images of ink on paper are inverted.

    Raises:
        ValueError: It is none of these, or its values are no bytes.
    """
    if isinstance(given, Image.Image) and 0 not in given.size:
        try:
            return image_bytes(given, shape, white, invert_paper)
        except (OSError, SyntaxError, ValueError) as error:  # Pillow decodes an image when it is first used
            raise ValueError(f"samples must be intact images; {given!r} cannot be read ({error}).") from error
    if isinstance(given, str | Path):
        paths = image_paths(user_path(str(given)), "samples")
        return torch.cat([read_image(path, shape, white, invert_paper, "samples") for path in paths])
    if (
        isinstance(given, list | tuple)
        and given
        and not any(isinstance(one, list | tuple | float | int) for one in given)
    ):
        return torch.cat([raw_images(one, shape, white, invert_paper) for one in given])
    tensor = as_tensor(given)
    own = None if tensor is None else _of_own_size(tensor, shape)
    if own is not None:
        return _bytes(own, white)
    others = [] if tensor is None else _of_other_size(tensor, shape)
    if not others:
        channels, height, width = shape
        raise ValueError(
            f"samples must be Pillow images, paths of images, a list of these, or bytes of shape [samples, {channels}, "
            f"{height}, {width}], or [height, width] or [height, width, 3] for an image of another size; got "
            f"{received(given)}."
        )
    images = [Image.fromarray(_bytes(other, 255).numpy(force=True)) for other in others]
    return torch.cat([image_bytes(image, shape, white, invert_paper) for image in images])


def _of_own_size(pixels: Tensor, shape: Shape) -> Tensor | None:
    """Pixels of the model's own size as [samples, *shape]: channels first or last, or grey without them, or flat."""
    channels, height, width = shape
    sizes = tuple(pixels.shape)
    if len(sizes) in (3, 4) and sizes[-3:] == shape:
        return pixels.reshape(-1, *shape)
    if len(sizes) in (3, 4) and sizes[-3:] == (height, width, channels):
        return pixels.movedim(-1, -3).reshape(-1, *shape)
    is_grey = channels == 1 and len(sizes) in (2, 3) and sizes[-2:] == (height, width)
    is_flat = len(sizes) == 2 and sizes[1] == channels * height * width
    return pixels.reshape(-1, *shape) if is_grey or is_flat else None


def _of_other_size(pixels: Tensor, shape: Shape) -> list[Tensor]:
    """Each image as Pillow takes it, [height, width] or [height, width, 3 or 4]; none if the shape is no image's."""
    sizes = tuple(pixels.shape)
    if len(sizes) not in (2, 3, 4) or 0 in sizes:
        return []
    if len(sizes) == 2:
        return [pixels]
    if sizes[-1] not in (3, 4):
        if sizes[-3] != shape[0]:
            return []
        pixels = pixels.movedim(-3, -1)
    pixels = pixels.squeeze(-1)
    return [pixels] if len(sizes) == 3 else list(pixels)


def _bytes(pixels: Tensor, white: int) -> Tensor:
    whole = pixels.dtype != torch.bool and bool(((pixels >= 0) & (pixels <= white) & (pixels == pixels.round())).all())
    if not whole:
        least, most = (f"{value.item():g}" for value in torch.aminmax(pixels.float()))
        raise ValueError(
            f"samples must be whole numbers from 0 (black) to {white} (white); got {str(pixels.dtype)[6:]} from "
            f"{least} to {most}."
        )
    return pixels.to(torch.uint8)
