"""Figures in TensorBoard and as files in the run's folder."""

import io
from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from gradexp.figures.encoding import encoded
from gradexp.figures.output import output
from gradexp.files import write_atomically

FOLDER = "figures"  # of the files; in TensorBoard the group of a run's images


def writer_of(trainer: Trainer) -> SummaryWriter | None:
    """TensorBoard's writer; None without a TensorBoardLogger and on processes other than the first."""
    logger = trainer.logger
    return logger.experiment if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero else None


def publish(trainer: Trainer, name: str, figure: Figure) -> None:
    """Add a figure to TensorBoard, and write it as ``figures/NAME.png``, with _ for /, into the trainer's folder.

    In TensorBoard the figures of a run are one group of images, whose tags are ``figures/NAME``.
    """
    if trainer.is_global_zero:
        tag = f"{FOLDER}/{name}"
        write_figure(Path(trainer.default_root_dir), tag, figure, writer_of(trainer), trainer.global_step)


def write_figure(folder: Path, tag: str, figure: Figure, writer: SummaryWriter | None, step: int = 0) -> list[Path]:
    """Like `publish`, for any folder, writer and tag in TensorBoard; returns the paths of the files.

    The formats are those of `gradexp.figures.output.figures_as`, PNG by default.
    """
    formats = output().formats
    needed = ["png"] if writer is not None and "png" not in formats else []
    return write_contents(folder, tag, encoded(figure, [*needed, *formats]), writer, step)


def write_contents(
    folder: Path, tag: str, contents: Mapping[str, bytes], writer: SummaryWriter | None, step: int = 0
) -> list[Path]:
    """`write_figure` for a figure that is encoded already: every file of a figure is written here.

    Args:
        folder: Where its folder ``figures/`` is.
        tag: Its tag in TensorBoard, and with _ for / the name of its files, without the group ``figures/``.
        contents: Of the formats asked for, and PNG for TensorBoard.
        writer: TensorBoard's; None for none. It gets the PNG as it is: `SummaryWriter.add_image` would encode it again.
        step: Its step in TensorBoard.
    """
    if writer is not None:
        with Image.open(io.BytesIO(contents["png"])) as image:
            shown = Summary.Image(width=image.width, height=image.height, colorspace=3)
        shown.encoded_image_string = contents["png"]
        summary = Summary(value=[Summary.Value(tag=tag, image=shown)])
        writer._get_file_writer().add_summary(summary, step)  # type: ignore[no-untyped-call]  # torch has no types here
    stem = tag.removeprefix(f"{FOLDER}/").replace("/", "_")
    paths = [folder / FOLDER / f"{stem}.{name}" for name in output().formats]
    for path in paths:
        write_atomically(path, contents[path.suffix.removeprefix(".")])
    return paths
