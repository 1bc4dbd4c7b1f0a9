"""Figures in TensorBoard and as PNG files in the run's folder."""

import io
from pathlib import Path

import numpy as np
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from gradexp.files import write_atomically


def writer_of(trainer: Trainer) -> SummaryWriter | None:
    """TensorBoard's writer; None without a TensorBoardLogger and on processes other than the first."""
    logger = trainer.logger
    return logger.experiment if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero else None


def publish(trainer: Trainer, tag: str, figure: Figure) -> None:
    """Add a figure to TensorBoard, and write it as ``figures/TAG.png``, with _ for /, into the trainer's folder."""
    if trainer.is_global_zero:
        write_figure(Path(trainer.default_root_dir), tag, figure, writer_of(trainer), trainer.global_step)


def write_figure(folder: Path, tag: str, figure: Figure, writer: SummaryWriter | None, step: int = 0) -> Path:
    """Like `publish`, for any folder and any writer; returns the path of the PNG.

    The figure is rendered once and encoded once: `SummaryWriter.add_image` would encode it again.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="png")
    path = folder / "figures" / f"{tag.replace('/', '_')}.png"
    write_atomically(path, content.getvalue())
    if writer is not None:
        height, width, _ = pixels.shape
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content.getvalue())
        summary = Summary(value=[Summary.Value(tag=tag, image=image)])
        writer._get_file_writer().add_summary(summary, step)  # type: ignore[no-untyped-call]  # torch has no types here
    return path
