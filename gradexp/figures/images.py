"""Images, and weights as images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from gradexp.figures.layout import set_heading, text_points
from gradexp.figures.output import asked_width
from gradexp.figures.panels import Array
from gradexp.figures.style import literal, styled

CELL = 1.4  # inches, the width of an image's place
SIDE = 1.2 / CELL  # of that, the longer side of the image
NARROWEST = 0.8  # inches of a place that has room for its title
HEAD = 0.5  # inches for the title


@styled
def image_grid(images: Array, titles: Sequence[str], heading: str, columns: int = 6) -> Figure:
    """A grid of images, each with its title and scaled to its own range of values.

    Args:
        images: Grey or colour images [images, channels, height, width].
        titles: One per image.
        heading: Title of the figure.
        columns: Images per row.
    """
    width = asked_width() or CELL * columns
    columns = min(columns, int(width / NARROWEST))
    cell = width / columns
    line = 1.25 * text_points("small") / 72
    titles = [literal(title) for title in titles]
    lines = max((title.count("\n") + 1 for title in titles), default=1)
    step = SIDE * cell + lines * line + 0.2
    rows = max(1, -(-len(images) // columns))
    height = step * rows
    figure = Figure(figsize=(width, height + HEAD))
    set_heading(figure, heading)
    # One axes, in inches, whose origin is at the top left: one per image takes ten times as long.
    axes = figure.add_axes((0, 0, 1, height / (height + HEAD)))
    axes.set_axis_off()
    scale = SIDE * cell / max(images.shape[2:])
    for number, (image, title) in enumerate(zip(images, titles, strict=False)):
        bottom, centre = step * (number // columns + 1) - 0.1, cell * (number % columns + 0.5)
        half, top = scale * image.shape[2] / 2, bottom - scale * image.shape[1]
        low, high = image.min(), image.max()
        pixels = np.moveaxis((image - low) / max(high - low, 1e-12), 0, -1).squeeze(-1 if len(image) == 1 else ())
        axes.imshow(pixels, cmap="gray", extent=(centre - half, centre + half, bottom, top))
        axes.text(centre, top - 0.05, title, fontsize="small", ha="center", va="bottom")
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


@styled
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
    inches = asked_width() or float(columns)
    figure = Figure(
        figsize=(inches, max(1.5, inches / columns * rows * used / len(mosaic) + 0.6)), layout="constrained"
    )
    axes = figure.subplots()
    limit = float(np.abs(shown).max()) or 1.0
    drawn = axes.imshow(mosaic[:used], cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    set_heading(figure, f"Incoming weights of the first {len(shown)} of {len(weights)} units")
    figure.colorbar(drawn, shrink=0.8, label="weight")
    return figure
