"""What people want to see of a classifier, in TensorBoard: samples, the graph, errors, curves, weights."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from gradexp import figures

MOST_WRONG = 24  # images shown


class ClassifierFigures(Callback):
    """Sample images and the model graph before a fit; after a test the confusion matrix, the most confidently wrong
    images, precision-recall curves a class, and the first layer's weights as images.

    Args:
        classes: Names by class number.
    """

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes
        self._probabilities: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._wrong: list[tuple[float, int, int, Tensor]] = []
        self._image_shape: torch.Size | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = _writer(trainer)
        datamodule: Any = getattr(trainer, "datamodule", None)
        if writer is None or not hasattr(datamodule, "sample"):
            return
        inputs = datamodule.sample(64)[0]
        if inputs.ndim == 4:
            low, high = inputs.amin((1, 2, 3), keepdim=True), inputs.amax((1, 2, 3), keepdim=True)
            writer.add_images("samples/train", (inputs - low) / (high - low).clamp(min=1e-12))
        # Traced in evaluation, where no layer draws random numbers or counts batches.
        pl_module.eval()
        writer.add_graph(pl_module.network, inputs[:1].to(pl_module.device))
        pl_module.train()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: tuple[Tensor, Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        inputs, targets = batch
        probabilities = outputs
        self._probabilities.append(probabilities.float().cpu())
        self._targets.append(targets.cpu())
        confidence, predicted = probabilities.max(dim=1)
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
        writer = _writer(trainer)
        if writer is None or not self._targets:
            return
        step = trainer.fit_loop.epoch_loop.global_step
        probabilities, targets = torch.cat(self._probabilities), torch.cat(self._targets)
        n = len(self.classes)
        counts = torch.bincount(targets * n + probabilities.argmax(dim=1), minlength=n * n).reshape(n, n)
        writer.add_figure("test/confusion_matrix", figures.confusion_matrix(counts.numpy(), self.classes), step)
        for number, name in enumerate(self.classes):
            writer.add_pr_curve(f"test/precision_recall/{name}", targets == number, probabilities[:, number], step)
        if self._image_shape is None:
            return
        if self._wrong:
            titles = [
                f"{self.classes[predicted]} {score:.0%}\nis {self.classes[target]}"
                for score, predicted, target, _ in self._wrong
            ]
            images = torch.stack([image for *_, image in self._wrong]).numpy()
            writer.add_figure("test/most_wrong", figures.image_grid(images, titles, "most confidently wrong"), step)
        first = next((layer for layer in pl_module.modules() if isinstance(layer, nn.Linear)), None)
        if first is not None and first.in_features == self._image_shape.numel():
            weights = first.weight.detach().float().cpu().numpy()
            writer.add_figure("weights/first_layer", figures.weight_images(weights, tuple(self._image_shape)), step)


def _writer(trainer: Trainer) -> SummaryWriter | None:
    """TensorBoard's writer, on the one process that has one."""
    logger = trainer.logger
    return logger.experiment if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero else None
