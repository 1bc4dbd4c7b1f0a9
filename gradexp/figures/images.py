"""Images, and weights as images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.panels import Array, literal

CELL = (1.4, 1.7)  # inches for an image and its title, width and height
SIDE = 1.2  # inches, the longer one of an image


def image_grid(images: Array, titles: Sequence[str], heading: str, columns: int = 6) -> Figure:
    """A grid of images, each with its title and scaled to its own range of values.

    Args:
        images: Grey or colour images [images, channels, height, width].
        titles: One per image.
        heading: Title of the figure.
        columns: Images per row.
    """
    rows = max(1, -(-len(images) // columns))
    width, height = CELL[0] * columns, CELL[1] * rows
    figure = Figure(figsize=(width, height + 0.5))
    figure.suptitle(heading)
    # One axes, in inches, whose origin is at the top left: one per image takes ten times as long.
    axes = figure.add_axes((0, 0, 1, height / (height + 0.5)))
    axes.set_axis_off()
    scale = SIDE / max(images.shape[2:])
    for number, (image, title) in enumerate(zip(images, titles, strict=False)):
        bottom, centre = CELL[1] * (number // columns + 1) - 0.1, CELL[0] * (number % columns + 0.5)
        half, top = scale * image.shape[2] / 2, bottom - scale * image.shape[1]
        low, high = image.min(), image.max()
        pixels = np.moveaxis((image - low) / max(high - low, 1e-12), 0, -1).squeeze(-1 if len(image) == 1 else ())
        axes.imshow(pixels, cmap="gray", extent=(centre - half, centre + half, bottom, top))
        axes.text(centre, top - 0.05, literal(title), fontsize=8, ha="center", va="bottom")
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


def weight_images(weights: Array, shape: tuple[int, ...], columns: int = 10, rows: int = 5) -> Figure:
    """The incoming weights of a layer's first units as images: red for positive, blue for negative, white for zero.

    Args:
        weights: Weights [units, features].
        shape: Channels, height and width of the inputs; channels are averaged.
        columns: Units per row.
        rows: Rows of units.
    """
    shown = weights[: columns * rows].reshape(-1, *shape).mean(axis=1)
    height, width = shape[1:]
    # Drawing one mosaic with gaps of one pixel is far faster than one axes per unit.
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for number, image in enumerate(shown):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    used = -(-len(shown) // columns) * (height + 1) - 1
    figure = Figure(figsize=(columns, max(1.5, rows * used / len(mosaic) + 0.6)), layout="constrained")
    axes = figure.subplots()
    limit = float(np.abs(shown).max()) or 1.0
    drawn = axes.imshow(mosaic[:used], cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(f"incoming weights of the first {len(shown)} of {len(weights)} units")
    figure.colorbar(drawn, shrink=0.8)
    return figure
