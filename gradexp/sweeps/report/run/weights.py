"""The weights of a run, from its checkpoint: a row for each tensor, and the first layer as images or by feature."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from torch import Tensor

from gradexp import figures
from gradexp.engine.checkpoint_file import read_checkpoint
from gradexp.figures.encoding import encoded
from gradexp.figures.output import FORMATS
from gradexp.reports.examination import Examination
from gradexp.rules.words import counted
from gradexp.sweeps.report.page_parts import in_base64, number, paper_links
from gradexp.sweeps.report.run.judgement import IMAGE, Table

COLUMNS = ["tensor", "shape", "mean", "standard deviation", "least", "largest", "zeros"]
MOST_FEATURES = 40
MATRIX = 2  # dimensions


@dataclass(frozen=True)
class Weights:
    """What the page shows of the weights.

    Attributes:
        line: Of which state they are.
        tables: One of all tensors, and one of the features if they have names.
        picture: The first layer's weights of a model of images, as PNG in base64; "" for none.
        links: The same as SVG and PDF.
    """

    line: str
    tables: list[Table]
    picture: str
    links: list[dict[str, str]]


def weights(path: Path, examination: Examination | None) -> Weights:
    """Read the weights in a checkpoint.

    Args:
        path: The checkpoint.
        examination: What is known of the inputs; None for nothing.

    Raises:
        ValueError: The checkpoint is damaged.
    """
    checkpoint = read_checkpoint(str(path))
    state: dict[str, Tensor] = checkpoint["state_dict"]
    step = checkpoint.get("weights_step", checkpoint["global_step"])
    real = {name: tensor for name, tensor in state.items() if tensor.is_floating_point() and tensor.numel()}
    tables = [Table("Weights", COLUMNS, [_row(name, tensor) for name, tensor in real.items()])]
    first = next((tensor for tensor in real.values() if tensor.ndim == MATRIX), None)
    figure = None
    if first is not None and examination is not None:
        shape, names = examination.inputs.shape[1:], examination.feature_names
        if examination.inputs.ndim == IMAGE and first.shape[1] == prod(shape):
            figure = figures.weight_images(first.float().numpy(), tuple(shape))
        elif len(names) == first.shape[1]:
            tables.append(_of_features(first, names))
    numbers = sum(tensor.numel() for tensor in real.values())
    line = f"{path.name}, after {counted(step, 'step')}: {counted(numbers, 'number')}."
    if figure is None:
        return Weights(line, tables, "", [])
    contents = encoded(figure, FORMATS)
    return Weights(line, tables, in_base64(contents["png"]), paper_links("weights_first_layer", contents))


def _row(name: str, tensor: Tensor) -> list[str]:
    values = tensor.double()
    found = (values.mean(), values.std(correction=0), values.min(), values.max())
    shape = " x ".join(map(str, tensor.shape)) or "1"
    return [name, shape, *(number(float(one)) for one in found), f"{float((values == 0).double().mean()):.1%}"]


def _of_features(first: Tensor, names: list[str]) -> Table:
    """What the first layer does with each feature: its coefficient, or the norm of its weights to several units."""
    values = first.double().numpy()
    sizes = values[0] if len(values) == 1 else np.sqrt((values**2).sum(axis=0))
    order = np.argsort(-np.abs(sizes))[:MOST_FEATURES]
    column = "coefficient" if len(values) == 1 else f"norm of its weights to {len(values)} units"
    return Table("First layer by feature", ["feature", column], [[names[n], number(float(sizes[n]))] for n in order])
