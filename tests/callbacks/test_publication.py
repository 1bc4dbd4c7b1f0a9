"""A figure is written as a PNG in the run's folder, atomically, and as an image in TensorBoard."""

import os
from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch.utils.tensorboard import SummaryWriter

from gradexp.callbacks.publication import publish, write_figure, writer_of
from gradexp.figures.output import Output, figures_as, output
from tests.callbacks.drawing import QUIET, drawn, png, shown
from tests.run_folder import events


def picture(colour: str) -> Figure:
    """A figure of 300 x 200 pixels, the left half in one colour."""
    figure = Figure(figsize=(3, 2), dpi=100)
    axes = figure.add_axes((0, 0, 0.5, 1))
    axes.axis("off")
    axes.add_patch(Rectangle((0, 0), 1, 1, color=colour))
    return figure


def test_the_file_and_the_image_have_the_same_pixels(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path / "tensorboard")) as writer:
        paths = write_figure(tmp_path, "test/picture", picture("red"), writer, 7)
    assert paths == [tmp_path / "figures" / "test_picture.png"]
    pixels = png(paths[0])
    assert pixels.shape == (200, 300, 3)
    np.testing.assert_array_equal(pixels[100, 75], [255, 0, 0])
    np.testing.assert_array_equal(pixels[100, 225], [255, 255, 255])
    np.testing.assert_array_equal(shown(tmp_path)["test_picture"], pixels)


def test_a_figure_is_written_without_a_writer(tmp_path: Path) -> None:
    write_figure(tmp_path, "picture", picture("red"), None)
    assert list(drawn(tmp_path)) == ["picture"]
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


def test_a_failed_write_keeps_the_earlier_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_figure(tmp_path, "picture", picture("red"), None)
    before = drawn(tmp_path)["picture"]

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_figure(tmp_path, "picture", picture("blue"), None)
    assert list(drawn(tmp_path)) == ["picture"], "no part of the new one is left"
    np.testing.assert_array_equal(drawn(tmp_path)["picture"], before)


@pytest.mark.parametrize("is_first", [True, False])
def test_only_the_first_process_publishes(is_first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = TensorBoardLogger(tmp_path, name="tensorboard", version="")
    trainer = Trainer(default_root_dir=tmp_path, **QUIET | {"logger": logger})
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda _: is_first))
    assert (writer_of(trainer) is not None) == is_first
    publish(trainer, "picture", picture("red"))
    assert (tmp_path / "figures").exists() == is_first
    if is_first:
        logger.experiment.flush()
        np.testing.assert_array_equal(shown(tmp_path)["picture"], drawn(tmp_path)["picture"])
        assert events(tmp_path).Tags()["images"] == ["figures/picture"], "a group of images, named like the folder"


def test_the_file_is_written_without_tensorboard(tmp_path: Path) -> None:
    trainer = Trainer(default_root_dir=tmp_path, **QUIET)
    assert writer_of(trainer) is None
    publish(trainer, "a/b", picture("red"))
    assert list(drawn(tmp_path)) == ["a_b"]


@pytest.mark.parametrize(("formats", "names"), [("pdf", ["a_b.pdf"]), (("svg", "png", "svg"), ["a_b.png", "a_b.svg"])])
def test_the_files_have_the_formats_asked_for_and_tensorboard_its_image(
    formats: str | tuple[str, ...], names: list[str], tmp_path: Path
) -> None:
    with SummaryWriter(str(tmp_path / "tensorboard")) as writer, figures_as(formats):
        paths = write_figure(tmp_path, "a/b", picture("red"), writer)
    assert sorted(path.name for path in paths) == names
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    assert shown(tmp_path)["a_b"].shape == (200, 300, 3)
    assert output() == Output(), "later figures are PNG again"


def test_the_same_figure_gives_the_same_file(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        with figures_as(("svg", "pdf"), "column"):
            contents.append([path.read_bytes() for path in write_figure(tmp_path, "a", picture("red"), None)])
    assert contents[0] == contents[1]
