"""Figures of a classifier after its test: errors, precision-recall curves, weights."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from gradexp import figures
from gradexp.callbacks.publication import publish, writer_of
from gradexp.engine.batches import pair_of

MOST_WRONG = 24  # images


class ClassifierFigures(Callback):
    """Draws after a test the confusion matrix, a precision-recall curve per class (in TensorBoard only), and for images
    the wrong predictions of highest confidence and the first layer's weights.

    Args:
        classes: Names by class number.
    """

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes
        self._probabilities: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._wrong: list[tuple[float, int, int, Tensor]] = []
        self._image_shape: torch.Size | None = None

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        if not self.classes:
            return
        inputs, targets = pair_of(batch)
        self._probabilities.append(outputs.float().cpu())
        self._targets.append(targets.cpu())
        confidence, predicted = outputs.max(dim=1)
        confidence = torch.where(predicted == targets, -1.0, confidence)
        top = confidence.topk(min(MOST_WRONG, len(targets)))
        self._wrong += [
            (score, int(predicted[index]), int(targets[index]), inputs[index].float().cpu())
            for score, index in zip(top.values.tolist(), top.indices.tolist(), strict=True)
            if score >= 0
        ]
        self._wrong = sorted(self._wrong, key=lambda wrong: -wrong[0])[:MOST_WRONG]
        self._image_shape = inputs.shape[1:] if inputs.ndim == 4 else None

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._targets:
            return
        writer, step = writer_of(trainer), trainer.global_step
        probabilities, targets = torch.cat(self._probabilities), torch.cat(self._targets)
        n = len(self.classes)
        counts = torch.bincount(targets * n + probabilities.argmax(dim=1), minlength=n * n).reshape(n, n)
        publish(trainer, "test/confusion_matrix", figures.confusion_matrix(counts.numpy(), self.classes))
        for number, name in enumerate(self.classes):
            if writer is not None:
                writer.add_pr_curve(f"test/precision_recall/{name}", targets == number, probabilities[:, number], step)
        if self._image_shape is None:
            return
        if self._wrong:
            titles = [
                f"{self.classes[predicted]} {score:.0%}\nis {self.classes[target]}"
                for score, predicted, target, _ in self._wrong
            ]
            images = torch.stack([image for *_, image in self._wrong]).numpy()
            publish(
                trainer, "test/most_wrong", figures.image_grid(images, titles, "Most confident mistakes of the test")
            )
        first = next((layer for layer in pl_module.modules() if isinstance(layer, nn.Linear)), None)
        if first is not None and first.in_features == self._image_shape.numel():
            weights = first.weight.detach().float().cpu().numpy()
            publish(trainer, "weights/first_layer", figures.weight_images(weights, tuple(self._image_shape)))
