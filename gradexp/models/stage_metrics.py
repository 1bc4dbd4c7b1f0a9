"""Loss and metrics of one stage, as means over samples."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection

from gradexp.models.metrics import is_binary

GATHERED = 50  # batches that are measured together


class StageMetrics(nn.Module):
    """Sums over a stage's batches on the device; numbers only when asked, and over all processes.

    A metric costs as much for one batch as for fifty, so batches are gathered and measured together.

    Args:
        stage: "train", "val" or "test"; names begin with it.
        metrics: What is measured of the outputs beside the loss, by name.
        further: What is measured of the predictions, by name.
        predictions: Outputs [batch, ...] as people read them.
        with_penalty: Also give the penalty, and the objective, which is loss + penalty.
    """

    def __init__(
        self,
        stage: str,
        metrics: Mapping[str, Metric],
        further: Mapping[str, Metric],
        predictions: Callable[[Tensor], Tensor],
        with_penalty: bool = False,
    ) -> None:
        super().__init__()
        self.stage = stage
        # A NaN stays NaN: left out of the mean it would not show. ("disable" means that too, but drops the weights.)
        self.loss = MeanMetric(nan_strategy=math.nan)
        self.penalty = MeanMetric(nan_strategy=math.nan)
        self.metrics, self.further = _collected(stage, metrics), _collected(stage, further)
        self._predictions = predictions
        self.with_penalty = with_penalty
        for metric in self._all():
            metric.compute_with_cache = False  # add() changes the sums, of which a cache knows nothing
        self._gathered: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []

    @property
    def has_samples(self) -> bool:
        """Whether any batch has come since the last reset."""
        return bool(self._gathered) or self.loss.update_called

    def update(self, outputs: Tensor, targets: Tensor, loss: Tensor, penalty: Tensor | None = None) -> None:
        """Add a batch: outputs [batch, ...], targets [batch, ...], their mean loss, and the penalty if there is one."""
        self._gathered.append((outputs, targets, loss, penalty))
        if len(self._gathered) >= GATHERED:
            self._measure()

    def compute(self) -> dict[str, Tensor]:
        """The means over the samples seen, by name."""
        self._measure()
        values: dict[str, Tensor] = {f"{self.stage}/loss": self.loss.compute()}
        if self.with_penalty:
            penalty = self.penalty.compute()
            values[f"{self.stage}/penalty"] = penalty
            values[f"{self.stage}/objective"] = values[f"{self.stage}/loss"] + penalty
        return values | self.metrics.compute() | (self.further.compute() if len(self.further) else {})

    def metric(self, name: str) -> Metric | None:
        """The metric that is logged under a name, without the stage; None where there is none."""
        for metrics in (self.metrics, self.further):
            if name in metrics.keys(keep_base=True):
                return metrics[name]
        return None

    def reset(self) -> None:
        """Forget all samples."""
        self._gathered.clear()
        for metric in self._all():
            metric.reset()

    def state(self) -> list[dict[str, Any]]:
        """The sums so far, as plain data."""
        self._measure()
        return [{"updates": metric.update_count, **metric.metric_state} for metric in self._all()]

    def load_state(self, state: list[dict[str, Any]]) -> None:
        """Go on from the sums of a checkpoint."""
        self.reset()
        for metric, saved in zip(self._all(), state, strict=True):
            metric._update_count = saved["updates"]
            for name in metric.metric_state:
                value = saved[name]  # a list, of metrics that keep all samples
                moved = value.to(metric.device) if isinstance(value, Tensor) else [v.to(metric.device) for v in value]
                setattr(metric, name, moved)

    def add(self, earlier: "StageMetrics") -> None:
        """Count the samples of `earlier` too."""
        self._measure()
        earlier._measure()
        for mine, others in zip(self._all(), earlier._all(), strict=True):
            if others.update_called:
                mine.merge_state(others)

    def _measure(self) -> None:
        if not self._gathered:
            return
        outputs, targets, losses, penalties = zip(*self._gathered, strict=True)
        self._gathered.clear()
        loss = torch.stack(losses)
        sizes = torch.tensor([len(batch) for batch in targets], device=loss.device)
        self.loss.update(loss, sizes)
        self.penalty.update(torch.stack([loss.new_zeros(()) if p is None else p for p in penalties]), sizes)
        together, targets_together = torch.cat(outputs), torch.cat(targets)
        self.metrics.update(together, targets_together)
        if len(self.further):
            predictions = self._predictions(together)
            for metric in self.further.values():
                metric.update(_as_taken(predictions, metric), _as_taken(targets_together, metric))

    def _all(self) -> list[Metric]:
        return [self.loss, self.penalty, *self.metrics.values(), *self.further.values()]


def _collected(stage: str, metrics: Mapping[str, Metric]) -> MetricCollection:
    copies: dict[str, Metric | MetricCollection] = {name: metric.clone() for name, metric in metrics.items()}
    # Metrics that share their sums could not be added up one by one.
    return MetricCollection(copies, prefix=f"{stage}/", compute_groups=False)


def _as_taken(values: Tensor, metric: Metric) -> Tensor:
    """Probabilities [batch, 2], for a metric of one, as those of class 1 [batch]; one real number as [batch]."""
    if is_binary(type(metric)):
        return values[:, 1] if values.ndim == 2 else values
    return values.squeeze(1) if values.ndim == 2 and values.shape[1] == 1 else values
