"""torch's own formats: a program of torch.export, and the weights alone."""

import copy
import io
import warnings
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from gradexp.app.exports.exported import Exported, Results, outputs_of, program_of
from gradexp.app.pipeline import Pipeline
from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule


def to_program(pipeline: nn.Module, data: AbstractDataModule, raw: Tensor) -> Exported:
    """The model as a program of torch.export, from raw samples to outputs, for batches of any size.

    Args:
        pipeline: From raw samples to outputs.
        data: The data module.
        raw: At least two raw samples.
    """
    with torch.no_grad():
        outputs = outputs_of(data, pipeline(raw))
    module = Results(pipeline) if data.classes else pipeline
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own insides
        torch.export.save(program_of(module.eval(), raw), buffer)
        loaded: Any = torch.export.load(io.BytesIO(buffer.getvalue())).module()

    def run(samples: Tensor) -> Tensor:
        with torch.no_grad():
            found = loaded(samples)
        result: Tensor = found[1] if data.classes else found
        return result

    names = ", ".join(one["name"] for one in outputs)
    how = [
        "import torch",
        'model = torch.export.load("model.pt2").module()',
        *_without_gradients(f"{names} = model(raw)  # a tensor, as in `input`"),
    ]
    return Exported("model.pt2", buffer.getvalue(), run, outputs, how)


def to_state_dict(module: LightningModule, data: AbstractDataModule, raw: Tensor) -> Exported:
    """The module's weights by name; preprocessing and architecture are told in words.

    Args:
        module: The module.
        data: The data module.
        raw: Raw samples.
    """
    with torch.no_grad():
        outputs = outputs_of(data, Pipeline(module, data)(raw))
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    fresh = copy.deepcopy(module)
    with torch.no_grad():
        for tensor in fresh.state_dict().values():
            tensor.zero_()
    fresh.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))

    def run(samples: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = Pipeline(fresh, data)(samples)
        return found

    cls = type(module)
    how = [
        "import json",
        "import torch",
        f"from {_home(cls)} import {cls.__name__}",
        'with open("model.json") as file:',
        '    arguments = json.load(file)["arguments"]',
        f"module = {cls.__name__}(**arguments)",
        'module.load_state_dict(torch.load("model.pt", weights_only=True))',
        *_without_gradients(_to_results(module, data, outputs) + "  # preprocessed, as in `input`"),
    ]
    return Exported("model.pt", buffer.getvalue(), run, outputs, how)


def _to_results(module: LightningModule, data: AbstractDataModule, outputs: list[dict[str, Any]]) -> str:
    """The line from preprocessed inputs to the outputs."""
    name = outputs[-1]["name"]
    call = (
        "module.predictions(module.eval()(inputs))" if isinstance(module, AbstractModule) else "module.eval()(inputs)"
    )
    if data.classes:
        return f"{name} = {call}"
    mean = data.in_target_units(torch.zeros(1, outputs[-1]["shape"][-1]))[0]
    std = data.in_target_units(torch.ones_like(mean).unsqueeze(0))[0] - mean
    return f"{name} = {call} * torch.tensor({std.tolist()}) + torch.tensor({mean.tolist()})"


def _without_gradients(line: str) -> list[str]:
    """The lines that run `line` so that what it gives has no graph: such tensors have no `.numpy()`."""
    return ["with torch.no_grad():", f"    {line}"]


def _home(cls: type) -> str:
    return "gradexp.models" if cls.__module__.startswith("gradexp.models.") else cls.__module__
