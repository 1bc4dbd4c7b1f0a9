"""Predicts for the user's files, or for the test part, with a checkpoint."""

import io
import time
from pathlib import Path
from typing import Any

import polars as pl
import torch
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.app.tasks.prediction_columns import predicted_columns, true_columns, true_values, with_numbers
from gradexp.app.tasks.restore import Restored, restore
from gradexp.configuration.values import changed
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.files import write_atomically
from gradexp.rules.words import counted


def predict(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Write predictions.csv or predictions.parquet: a row for each sample, its own columns and the predictions.

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
        own = frame.columns
        if samples.truth is not None:
            frame = frame.with_columns(true_values(samples.truth, own))
        frame = frame.with_columns(predicted_columns(restored.data, outputs, own))
    name = f"predictions.{cfg.predictions_format}"
    content = io.BytesIO()
    if cfg.predictions_format == "parquet":
        with_numbers(frame).write_parquet(content)
    else:
        frame.write_csv(content)
    write_atomically(record.folder / name, content.getvalue())
    metrics = {
        "status": "completed",
        "predictions": len(frame),
        "seconds/predict": time.perf_counter() - started,
        **facts(restored.data, restored.model),
    }
    target = restored.data.target_name
    units = f"predictions are of {target or 'the target'}, in its own units" if not restored.data.classes else ""
    notes = (*notes, *restored.notes, *([units] if units else []), f"{counted(len(frame), 'prediction')} in {name}")
    return Outcome(metrics, list(notes), restored, frame)


def predict_test_part(restored: Restored) -> pl.DataFrame:
    """The predictions for the test part: one row a sample, in order, with its own columns and its true value.

    Raises:
        ValueError: The data has no test part.
    """
    outputs, data = _predictions(restored, None), restored.data
    frame = pl.DataFrame({"sample": [f"test/{number}" for number in range(len(outputs))]})
    truth: list[pl.Series] = []
    raw = data.raw_test  # None if the user's data module has loaders of its own
    if raw is not None and len(raw) >= len(outputs):  # fewer are predicted under trainer.limit_predict_batches
        frame = data.describe(raw).head(len(outputs))
        truth = true_columns(data, raw.targets[: len(outputs)], frame.columns)
    return frame.with_columns(truth).with_columns(predicted_columns(data, outputs, frame.columns))


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
