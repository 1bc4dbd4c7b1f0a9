"""What callbacks draw: the files they leave, and the numbers they hand to gradexp.figures."""

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
    """The arguments of every figure that is asked for from now on, by name; `quick` leaves the figures empty."""
    calls: Calls = {}
    for name in figures.__all__:
        draw = getattr(figures, name)
        if inspect.isfunction(draw):
            calls[name] = []
            monkeypatch.setattr(figures, name, partial(_note, calls[name], draw, quick))
    return calls


def _note(calls: list[dict[str, Any]], draw: Callable[..., Figure], quick: bool, *given: Any, **named: Any) -> Figure:
    calls.append(dict(inspect.signature(draw).bind(*given, **named).arguments))
    return Figure(figsize=(1, 1)) if quick else draw(*given, **named)


def png(path: Path) -> Pixels:
    """The pixels [height, width, 3] of a file that is a PNG."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def drawn(folder: Path) -> dict[str, Pixels]:
    """The PNGs of a run, by name."""
    return {path.stem: png(path) for path in sorted((folder / "figures").iterdir())}


def shown(folder: Path) -> dict[str, Pixels]:
    """The newest image under each of TensorBoard's tags, named as the PNGs are; without the samples of the data."""
    log = events(folder)
    newest = {tag: log.Images(tag)[-1].encoded_image_string for tag in log.Tags()["images"] if tag != "samples/train"}
    return {
        tag.replace("/", "_"): np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        for tag, content in newest.items()
    }


def assert_drawn_and_shown(folder: Path, *names: str) -> None:
    """The figures of a run are these, in the folder and in TensorBoard alike."""
    files, images = drawn(folder), shown(folder)
    assert set(files) == set(images) == set(names)
    for name in names:
        np.testing.assert_array_equal(files[name], images[name])
        assert len(np.unique(files[name].reshape(-1, 3), axis=0)) > 2, "not a blank page"
