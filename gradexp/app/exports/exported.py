"""What every format of an exported model has: the content of a file, and how to run it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.data import AbstractDataModule
from gradexp.data.preprocessors import Preprocessor


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        file: Name of the file.
        content: Its bytes.
        run: From raw samples [batch, ...] to what the pipeline gives, by the content alone.
        outputs: What the model gives: name, type, shape and meaning of each output.
        how: Lines of Python that use the file.
    """

    file: str
    content: bytes
    run: Callable[[Tensor], Tensor]
    outputs: list[dict[str, Any]]
    how: list[str]


class Results(nn.Module):
    """A pipeline's outputs as those of an exported classifier: the most probable class's number, and all outputs."""

    def __init__(self, pipeline: nn.Module) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.pipeline(raw)
        return outputs.argmax(dim=1), outputs


def inputs_of(preprocessor: Preprocessor | None, example: Tensor, data: AbstractDataModule) -> dict[str, Any]:
    """What the model takes, as plain data."""
    shape = ["batch", *example.shape[1:]]
    dtype = str(example.dtype).removeprefix("torch.")
    if preprocessor is None:
        meaning = f"inputs as {type(data).__name__} preprocesses them; the model does not contain its preprocessing"
        return {"name": "inputs", "type": dtype, "shape": shape, "meaning": meaning}
    return {"name": preprocessor.name, "type": dtype, "shape": shape, **preprocessor.description()}


def outputs_of(data: AbstractDataModule, example: Tensor) -> list[dict[str, Any]]:
    """What the model gives, as plain data.

    Args:
        data: The data module.
        example: Outputs of the pipeline [batch, ...].
    """
    shape = ["batch", *example.shape[1:]]
    if not data.classes:
        meaning = f"{data.target_name or 'the target'}, in its own units"
        return [{"name": "prediction", "type": "float32", "shape": shape, "meaning": meaning}]
    is_distribution = bool((example >= 0).all() and ((example.sum(dim=1) - 1).abs() < 1e-3).all())
    name = "probabilities" if is_distribution else "scores"
    return [
        {"name": "class_number", "type": "int64", "shape": ["batch"], "meaning": "the position in classes, from 0"},
        {"name": name, "type": "float32", "shape": shape, "meaning": f"{name} of the classes, in their order"},
    ]


def program_of(pipeline: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """The pipeline as a graph for batches of any size."""
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        return torch.export.export(pipeline, (example,), dynamic_shapes=({0: batch},))
