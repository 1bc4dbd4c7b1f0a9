"""Exports the model of a checkpoint for other programs, checked against the checkpoint before it is written."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from gradexp.app.exports import onnx_format, torch_formats
from gradexp.app.exports.exported import Exported, inputs_of
from gradexp.app.pipeline import Pipeline
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.app.tasks.restore import Restored, restore
from gradexp.configuration.values import changed, plain
from gradexp.data import AbstractDataModule
from gradexp.files import finite, write_atomically, write_json
from gradexp.randomness import generator
from gradexp.rules.words import counted

CHECKED = 100  # samples
SIZES = (1, 100, 1000)  # of the batches that are tried
TOLERANCE = 1e-5  # of the largest output


def export(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Write the model, and model.json beside it, which says what goes in, what comes out, and how to use it.

    Raises:
        ValueError: The checkpoint is not usable, a package is missing, or the format cannot express the model.
    """
    form = cfg.export.format
    if form == "onnx":
        onnx_format.check_installed()
    restored = restore(changed(cfg, {"trainer.devices": 1}), record, console)
    data = restored.data
    if not data.num_features:
        raise ValueError(f"ckpt_path must be of a model that takes samples for task=export; got {cfg.model._target_}.")
    started = time.perf_counter()
    model = restored.model.cpu().eval()
    raw, inputs, source, unread = _samples(data)
    pipeline = Pipeline(model, data)
    try:
        with torch.no_grad():
            expected = pipeline(raw) if inputs is None else pipeline.of_inputs(inputs)
        exported = _exported(form, restored, pipeline, raw)
        found = [exported.run(raw[_rows(size, raw)]) for size in SIZES]
    except Exception as error:  # of a module that cannot be traced, such as one with branches on its values
        reason = str(error).strip().partition("\n")[0]
        others = "state_dict" if form == "torch_export" else "torch_export or state_dict"
        raise ValueError(
            f"export.format must be one that can express {type(model).__name__}; got {form}: "
            f"{type(error).__name__}: {reason.rstrip('.')}. Try {others}."
        ) from error
    difference, scale = _difference(found, [expected[_rows(size, raw)] for size in SIZES])
    write_atomically(record.folder / exported.file, exported.content)
    checked = {
        "samples": len(raw),
        "of": source,
        "batch_sizes": list(SIZES),
        "largest_difference": difference,
        "largest_output": scale,
    }
    write_json(record.folder / "model.json", _description(cfg, restored, exported, raw, checked))
    metrics = {"status": "completed", "export/difference": difference, "seconds/export": time.perf_counter() - started}
    taken = inputs_of(data.preprocessor(), raw, data)["name"]
    given = ", ".join(one["name"] for one in exported.outputs)
    notes = [
        f"{exported.file}: " + ("the weights by name" if form == "state_dict" else f"{taken} in, {given} out"),
        f"checked on {counted(len(raw), 'sample')} of {source}, in batches of 1, 100 and 1,000: outputs differ by "
        f"at most {difference / scale:.1e} of the largest, {scale:.3g}",
        *unread,
        "model.json: what goes in, what comes out, and how to use it",
    ]
    return Outcome(metrics | facts(data, model), [*restored.notes, *notes], restored)


def _samples(data: AbstractDataModule) -> tuple[Tensor, Tensor | None, str, list[str]]:
    """Raw samples, and the inputs that the data module makes of them, None if that is unknown.

    Then where they are from, and notes on why that is not the test part.
    """
    if not data.is_fitted:  # of another class than the checkpoint's
        data.setup("test")
    preprocessor = data.preprocessor()
    reason = ""
    try:
        data.setup("test")
        source, rows = data.raw_test, torch.arange(min(CHECKED, data.sizes().get("test", 0)))
        if source is not None and len(rows):
            inputs = data.in_order("test")[0][rows][0].cpu()
            return (inputs if preprocessor is None else data.raw(source, rows)), inputs, "the test part", []
    except (ValueError, OSError) as error:  # the data need not be on the machine that exports
        reason = _why_unread(error, data)
    if preprocessor is None:
        raise ValueError(
            f"data must have a test part that can be read, or a preprocessor, for task=export; {type(data).__name__} "
            "has neither" + (f" ({reason})." if reason else ".")
        )
    drawn = "random values, as no test part can be read"
    return preprocessor.draw(CHECKED, generator("export")), None, drawn, [reason] if reason else []


def _why_unread(error: Exception, data: AbstractDataModule) -> str:
    folder = getattr(data, "data_dir", None)
    if isinstance(error, FileNotFoundError) and folder and Path(str(error.filename)).is_relative_to(folder):
        return (
            f"the test part is not in {folder}: type data_dir=FOLDER to check on it, as for the training; a checkpoint "
            "does not keep it"
        )
    return f"the test part cannot be read: {str(error).partition(chr(10))[0]}"


def _exported(form: str, restored: Restored, pipeline: Pipeline, raw: Tensor) -> Exported:
    # A graph of a single sample would hold for single samples only.
    example = raw[:2] if len(raw) > 1 else raw.repeat(2, *[1] * (raw.ndim - 1))
    if form == "onnx":
        return onnx_format.to_onnx(pipeline, pipeline.preprocessing, restored.data, example)
    if form == "torch_export":
        return torch_formats.to_program(pipeline, restored.data, example)
    return torch_formats.to_state_dict(restored.model, restored.data, example)


def _rows(size: int, raw: Tensor) -> Tensor:
    """Which of the samples are in a batch of this size: each several times if they are fewer [size]."""
    return torch.arange(size) % len(raw)


def _difference(found: list[Tensor], expected: list[Tensor]) -> tuple[float, float]:
    """The largest difference between the outputs of the exported model and of the checkpoint's, and the largest output.

    Raises:
        ValueError: It is more than TOLERANCE of the largest output.
    """
    scale = max(torch.finfo(torch.float32).tiny, *(float(wanted.abs().max()) for wanted in expected))
    largest = 0.0
    for outputs, wanted in zip(found, expected, strict=True):
        difference = float((outputs - wanted).abs().max()) if outputs.shape == wanted.shape else float("inf")
        if not difference <= TOLERANCE * scale:  # NaN too
            raise ValueError(
                f"the exported model must give what the checkpoint gives, to {TOLERANCE:g} of the largest output, "
                f"{scale:.3g}; in batches of {len(wanted)} they differ by {difference:.3g}. Nothing was written. "
                "export.format=state_dict exports the weights as they are."
            )
        largest = max(largest, difference)
    return largest, scale


def _description(
    cfg: DictConfig, restored: Restored, exported: Exported, raw: Tensor, checked: dict[str, Any]
) -> dict[str, Any]:
    data, config = restored.data, plain(cfg)
    weights_alone = cfg.export.format == "state_dict"
    model: Any = restored.model
    arguments = {"arguments": _arguments(model)} if weights_alone else {}
    return {
        "format": cfg.export.format,
        "file": exported.file,
        "how": exported.how,
        "input": inputs_of(data.preprocessor(), raw, data),
        "contains_preprocessing": not weights_alone and data.preprocessor() is not None,
        "outputs": exported.outputs,
        "classes": list(data.classes),
        "checked": checked,
        "model": config["model"]["_target_"],
        "data": config["data"]["_target_"],
        **arguments,
    }


def _arguments(model: Any) -> dict[str, Any]:
    """The arguments of the module's constructor, as far as it has saved them, as plain data."""
    arguments: dict[str, Any] = json.loads(json.dumps(finite(dict(model.hparams)), default=str))
    return arguments
