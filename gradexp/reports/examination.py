"""A trained model on the samples that judge it: its predictions, and the samples that it gets most wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor

from gradexp.data import AbstractDataModule
from gradexp.engine.batches import pair_of
from gradexp.engine.precision import at_least_single, inputs_for
from gradexp.models import AbstractModule, AbstractRegressor, FunctionDescent

MOST_WRONG = 24  # samples
MOST_SAMPLES = 100_000

Part = Literal["val", "test"]
Array = NDArray[Any]


@dataclass(frozen=True)
class Examination:
    """Predictions for a part of the data.

    Attributes:
        part: "val" or "test".
        classes: Names by class number; empty for a regression.
        outputs: Probabilities [samples, classes], or predictions in the units of the targets [samples, targets].
        targets: Class numbers [samples], or numbers in their own units [samples, targets].
        worst: Numbers of the samples that are most wrong: of a classifier wrong ones, the most confident first; of a
            regression those of the largest residual.
        inputs: These samples as inputs of the model [worst, ...].
        columns: These samples as the columns of a table, in their own units; empty for images.
        feature_names: Names of the features; empty if they have none.
    """

    part: Part
    classes: list[str]
    outputs: Array
    targets: Array
    worst: list[int]
    inputs: Array
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    feature_names: list[str] = field(default_factory=list)


def part_to_examine(metrics: Mapping[str, Any]) -> Part | None:
    """The validation samples, which chose the weights; those of the test only of a run that measured nothing else.

    None for a run that has measured neither.
    """
    parts: tuple[Part, ...] = ("val", "test")
    return next((part for part in parts if any(name.startswith(f"{part}/") for name in metrics)), None)


def examine(model: LightningModule, data: AbstractDataModule, part: Part) -> Examination | None:
    """Predict for a part, of at most MOST_SAMPLES samples; the model and the data stay as they are.

    None for a module whose outputs are unknown, because it is not ours, and for a model without inputs.

    Raises:
        ValueError: The part has no samples.
    """
    if not isinstance(model, AbstractModule) or isinstance(model, FunctionDescent):
        return None
    data.setup("validate" if part == "val" else "test")
    was_training = model.training
    model.eval()
    # In one process, which sees all samples, however many have trained.
    trainer, data.trainer = data.trainer, None
    loader = data.val_dataloader() if part == "val" else data.test_dataloader()
    outputs: list[Tensor] = []
    targets: list[Tensor] = []
    worst = _Worst()
    samples = 0
    try:
        with torch.no_grad():
            for batch in loader:
                inputs, true = pair_of(batch)
                predicted = at_least_single(model.predictions(model(inputs_for(model, inputs)))).cpu()
                true = true.cpu()
                is_of_classes = data.num_classes > 0 and predicted.shape[1:] == (data.num_classes,)
                if not is_of_classes and not isinstance(model, AbstractRegressor):
                    return None
                if not is_of_classes:
                    predicted, true = (data.in_target_units(at_least_single(one)) for one in (predicted, true))
                worst.add(_wrongness(predicted, true, is_of_classes), inputs.cpu(), samples)
                outputs.append(predicted)
                targets.append(true)
                samples += len(true)
                if samples >= MOST_SAMPLES:
                    break
    finally:
        model.train(was_training)
        data.trainer = trainer
    if not outputs:
        raise ValueError(f"the {'validation' if part == 'val' else 'test'} part has no samples")
    inputs = torch.stack(worst.inputs) if worst.inputs else torch.zeros(0)
    return Examination(
        part,
        list(data.classes),
        torch.cat(outputs).numpy(),
        torch.cat(targets).numpy(),
        worst.numbers,
        at_least_single(inputs).numpy(),
        data.in_own_units(inputs) if worst.inputs and inputs.ndim == 2 else {},
        data.feature_names,
    )


def _wrongness(predicted: Tensor, true: Tensor, is_of_classes: bool) -> Tensor:
    """How wrong each sample is [samples]; -1 for one that is right."""
    if not is_of_classes:
        return (predicted - true).abs().flatten(1).amax(dim=1)
    confidence, numbers = predicted.max(dim=1)
    return torch.where(numbers == true, -1.0, confidence)


class _Worst:
    """The most wrong samples of the batches so far."""

    def __init__(self) -> None:
        self._found: list[tuple[float, int, Tensor]] = []

    def add(self, wrongness: Tensor, inputs: Tensor, first: int) -> None:
        top = wrongness.topk(min(MOST_WRONG, len(wrongness)))
        self._found += [
            (score, first + number, inputs[number])
            for score, number in zip(top.values.tolist(), top.indices.tolist(), strict=True)
            if score >= 0
        ]
        self._found = sorted(self._found, key=lambda one: -one[0])[:MOST_WRONG]

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _ in self._found]

    @property
    def inputs(self) -> list[Tensor]:
        return [inputs for *_, inputs in self._found]
