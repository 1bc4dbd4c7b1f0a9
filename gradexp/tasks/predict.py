"""Classify image files, or the test part, with a checkpoint."""

import csv
import io
import time
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch import Tensor

from gradexp.data import BatchLoader, BatchOrder, ImageDataModule, TensorSource
from gradexp.data.image_files import image_paths
from gradexp.files import write_atomically
from gradexp.tasks.outcome import Outcome, facts
from gradexp.tasks.restore import Restored, restore

PRINTED = 10  # predictions


def predict(cfg: DictConfig, folder: Path, console: Console) -> Outcome:
    """Write predictions.csv (file, class, probability) and print the first few.

    Args:
        cfg: The configuration; `input` is an image file, a folder of them, or None for the test part.
        folder: The run's folder.
        console: Where the progress bar is drawn.

    Raises:
        ValueError: The checkpoint or the input is not usable.
    """
    cfg.trainer.devices = 1  # one process sees all inputs, in order
    restored = restore(cfg, folder, console)
    started = time.perf_counter()
    names, probabilities = _test_part(restored) if cfg.input is None else _files(restored, Path(cfg.input))
    shares, numbers = probabilities.max(dim=1)
    classes = getattr(restored.data, "classes", [str(number) for number in range(probabilities.shape[1])])
    rows = [
        (name, classes[number], f"{share:.6f}")
        for name, number, share in zip(names, numbers.tolist(), shares.tolist(), strict=True)
    ]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("file", "class", "probability"), *rows])
    write_atomically(folder / "predictions.csv", text.getvalue().encode())
    table = Table("file", "class", "probability")
    for row in rows[:PRINTED]:
        table.add_row(*row)
    Console().print(table)
    metrics = {
        "status": "completed",
        "predictions": len(rows),
        "seconds/predict": time.perf_counter() - started,
        **facts(restored.data, restored.model),
    }
    return Outcome(metrics, [f"{len(rows):,} predictions in predictions.csv"])


def _test_part(restored: Restored) -> tuple[list[str], Tensor]:
    outputs = restored.trainer.predict(restored.model, datamodule=restored.data)
    names = [f"test/{index}" for index in range(restored.data.sizes()["test"])]
    return names, torch.cat(_tensors(outputs))


def _files(restored: Restored, path: Path) -> tuple[list[str], Tensor]:
    data = restored.data
    if not isinstance(data, ImageDataModule):
        raise ValueError(f"input must be null for {type(data).__name__}, which holds no images; got {path}.")
    paths = image_paths(path)
    images = torch.cat([data.read(path) for path in paths])
    unknown = torch.zeros(len(images), dtype=torch.long)
    loader = BatchLoader(TensorSource(images, unknown), BatchOrder(len(images), data.eval_batch_size))
    return [str(path) for path in paths], torch.cat(_tensors(restored.trainer.predict(restored.model, loader)))


def _tensors(outputs: object) -> list[Tensor]:
    assert isinstance(outputs, list)
    return [output.float().cpu() for output in outputs]
