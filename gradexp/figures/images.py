"""Images, and weights as images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.panels import Array


def image_grid(images: Array, titles: Sequence[str], heading: str, columns: int = 6) -> Figure:
    """A grid of images, each with its title and scaled to its own range of values.

    Args:
        images: Grey or colour images [images, channels, height, width].
        titles: One per image.
        heading: Title of the figure.
        columns: Images per row.
    """
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.4 * columns, 1.7 * rows + 0.5), layout="constrained")
    figure.suptitle(heading)
    for axes in (all_axes := figure.subplots(rows, columns, squeeze=False)).flat:
        axes.set_axis_off()
    for axes, image, title in zip(all_axes.flat, images, titles, strict=False):
        low, high = image.min(), image.max()
        axes.imshow(np.moveaxis((image - low) / max(high - low, 1e-12), 0, -1).squeeze(), cmap="gray")
        axes.set_title(title, fontsize=8)
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
