"""Helpers for figures: the files of a run, the images in TensorBoard, and the arguments of gradexp.figures."""

import inspect
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gradexp import figures
from tests.run_folder import events

Calls = dict[str, list[dict[str, Any]]]
Pixels = npt.NDArray[np.uint8]

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "log_every_n_steps": 1,
    "logger": False,
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def record(monkeypatch: pytest.MonkeyPatch, quick: bool = True) -> Calls:
    """The arguments of each later call of a figure function, by its name; `quick` makes empty figures."""
    calls: Calls = {}
    for name in figures.__all__:
        draw = getattr(figures, name)
        if inspect.isfunction(draw):
            calls[name] = []
            monkeypatch.setattr(figures, name, partial(_record_call, calls[name], draw, quick))
    return calls


def _record_call(
    calls: list[dict[str, Any]], draw: Callable[..., Figure], quick: bool, *args: Any, **kwargs: Any
) -> Figure:
    calls.append(dict(inspect.signature(draw).bind(*args, **kwargs).arguments))
    return Figure(figsize=(1, 1)) if quick else draw(*args, **kwargs)


def png(path: Path) -> Pixels:
    """The pixels [height, width, 3] of a PNG file."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def drawn(folder: Path) -> dict[str, Pixels]:
    """The pixels of a run's PNG files, by name."""
    return {path.stem: png(path) for path in sorted((folder / "figures").iterdir())}


def shown(folder: Path) -> dict[str, Pixels]:
    """The newest image of each tag in TensorBoard, named like the PNG files; without the sample images."""
    log = events(folder)
    tags = [tag for tag in log.Tags()["images"] if tag != "figures/samples"]
    newest = {tag.removeprefix("figures/"): log.Images(tag)[-1].encoded_image_string for tag in tags}
    return {
        tag.replace("/", "_"): np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        for tag, content in newest.items()
    }


def assert_drawn_and_shown(folder: Path, *names: str) -> None:
    """Assert that a run has exactly these figures, the same in its folder and in TensorBoard."""
    files, images = drawn(folder), shown(folder)
    assert set(files) == set(images) == set(names)
    for name in names:
        np.testing.assert_array_equal(files[name], images[name])
        has_more_colours = Image.fromarray(files[name]).getcolors(maxcolors=2) is None
        assert has_more_colours, "the figure is not blank"
