"""Predicts for the user's files, or for the test part, with a checkpoint."""

import io
import time
from pathlib import Path
from typing import Any

import polars as pl
import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.app.tasks.restore import Restored, restore
from gradexp.configuration.values import changed
from gradexp.data import AbstractDataModule, BatchLoader, BatchOrder, TensorSource
from gradexp.files import write_atomically

PRINTED_ROWS, PRINTED_COLUMNS = 10, 8


def predict(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Write predictions.csv: each sample's name, with class and probability or a number.

    Args:
        cfg: The configuration; `input` is a file or folder that the data module reads, or None for the test part.
        record: The run's record.
        console: Where the progress bar is drawn.

    Raises:
        ValueError: The checkpoint or the input is not usable.
    """
    one_process = changed(cfg, {"trainer.devices": 1})  # a single process sees all inputs, in order
    restored = restore(one_process, record, console)
    started = time.perf_counter()
    if cfg.input is None:
        frame, notes = predict_test_part(restored), tuple(restored.data.notes)
    else:
        samples = restored.data.read_samples(Path(cfg.input))
        outputs = _predictions(restored, samples.inputs)
        frame, notes = samples.frame, samples.notes
        frame = frame.with_columns(_columns(restored.data, outputs, frame.columns))
    content = io.BytesIO()
    frame.write_csv(content)
    write_atomically(record.folder / "predictions.csv", content.getvalue())
    metrics = {
        "status": "completed",
        "predictions": len(frame),
        "seconds/predict": time.perf_counter() - started,
        **facts(restored.data, restored.model),
    }
    notes = (*notes, *restored.notes, f"{len(frame):,} predictions in predictions.csv")
    return Outcome(metrics, list(notes), restored, frame)


def predict_test_part(restored: Restored) -> pl.DataFrame:
    """The predictions for the test part: one row a sample, in order.

    Raises:
        ValueError: The data has no test part.
    """
    outputs = _predictions(restored, None)
    names = pl.DataFrame({"sample": [f"test/{number}" for number in range(len(outputs))]})
    return names.with_columns(_columns(restored.data, outputs, names.columns))


def _predictions(restored: Restored, inputs: Tensor | None) -> Tensor:
    """The model's predictions for `inputs`, or for the test part if None: [samples, ...]."""
    if inputs is None:
        outputs = restored.trainer.predict(restored.model, datamodule=restored.data)
    else:
        unknown = torch.zeros(len(inputs), dtype=torch.long)
        order = BatchOrder(len(inputs), restored.data.eval_batch_size)
        outputs = restored.trainer.predict(restored.model, BatchLoader(TensorSource(inputs, unknown), order))
    batches: list[Any] = outputs or []
    if not batches:
        raise ValueError("input must be a file or a folder if the data has no test part; got null.")
    return torch.cat([batch.float().cpu() for batch in batches])


def _columns(data: AbstractDataModule, outputs: Tensor, taken: list[str]) -> list[pl.Series]:
    """The predictions as columns; a name that the samples already use gets the prefix predicted_, again if needed."""
    if data.classes:
        probabilities, classes = outputs.max(dim=1)
        columns = {
            "class": [data.classes[number] for number in classes.tolist()],
            "probability": [round(probability, 6) for probability in probabilities.tolist()],
        }
    else:
        values = data.in_target_units(outputs).flatten(1)
        names = ["prediction"] if values.shape[1] == 1 else [f"prediction_{n}" for n in range(values.shape[1])]
        columns = dict(zip(names, values.T.tolist(), strict=True))
    return [pl.Series(_free_name(name, taken), values) for name, values in columns.items()]


def _free_name(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name


def print_predictions(console: Console, frame: pl.DataFrame) -> None:
    """Print the first rows of predictions.csv."""
    # The last columns, as they hold the predictions.
    shown = frame.head(PRINTED_ROWS)[frame.columns[-PRINTED_COLUMNS:]]
    # As Text, in which square brackets are not markup.
    table = Table()
    for name in shown.columns:
        table.add_column(Text(name))
    for row in shown.iter_rows():
        table.add_row(*(Text(str(value)) for value in row))
    console.print(table)
