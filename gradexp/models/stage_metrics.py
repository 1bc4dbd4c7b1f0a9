"""Loss and metrics of one stage, as means over samples."""

from collections.abc import Mapping

from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection


class StageMetrics(nn.Module):
    """Sums over a stage's batches on the device; numbers only when asked, and over all processes.

    Args:
        stage: "train", "val" or "test"; names begin with it.
        metrics: What is measured beside the loss, by name.
        with_penalty: Also give the penalty, and the objective, which is loss + penalty.
    """

    def __init__(self, stage: str, metrics: Mapping[str, Metric], with_penalty: bool = False) -> None:
        super().__init__()
        self.stage = stage
        # A NaN must show, not be left out of the mean.
        self.loss = MeanMetric(nan_strategy="disable")
        self.penalty = MeanMetric(nan_strategy="disable")
        copies: dict[str, Metric | MetricCollection] = {name: metric.clone() for name, metric in metrics.items()}
        # Metrics that share their sums could not be added up one by one.
        self.metrics = MetricCollection(copies, prefix=f"{stage}/", compute_groups=False)
        self.with_penalty = with_penalty

    @property
    def has_samples(self) -> bool:
        return self.loss.update_called

    def update(self, outputs: Tensor, targets: Tensor, loss: Tensor) -> None:
        """Add a batch: outputs [batch, ...], targets [batch, ...] and their mean loss."""
        self.loss.update(loss, len(targets))
        self.metrics.update(outputs, targets)

    def compute(self) -> dict[str, Tensor]:
        """The means over the samples seen, by name."""
        values: dict[str, Tensor] = {f"{self.stage}/loss": self.loss.compute()}
        if self.with_penalty:
            penalty = self.penalty.compute() if self.penalty.update_called else 0 * values[f"{self.stage}/loss"]
            values[f"{self.stage}/penalty"] = penalty
            values[f"{self.stage}/objective"] = values[f"{self.stage}/loss"] + penalty
        return values | self.metrics.compute()

    def reset(self) -> None:
        """Forget all samples."""
        self.loss.reset()
        self.penalty.reset()
        self.metrics.reset()

    def add(self, earlier: "StageMetrics") -> None:
        """Count the samples of `earlier` too."""
        for mine, others in zip(self._all(), earlier._all(), strict=True):
            if others.update_called:
                mine.merge_state(others)

    def _all(self) -> list[Metric]:
        return [self.loss, self.penalty, *self.metrics.values()]
