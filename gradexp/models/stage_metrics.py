"""Loss and metrics of one stage, as means over samples."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection

from gradexp.models.further_metrics import OWN_NAMES, as_taken

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
        kept: Those of `further` that `add` has to measure anew, since their states cannot be merged.
    """

    def __init__(
        self,
        stage: str,
        metrics: Mapping[str, Metric],
        further: Mapping[str, Metric],
        predictions: Callable[[Tensor], Tensor],
        with_penalty: bool = False,
        kept: Collection[str] = (),
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
        # Samples since the last reset, for metrics whose sums cannot be added, such as a correlation.
        self._kept: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in kept}

    @property
    def names(self) -> list[str]:
        """What `compute` gives, with the stage."""
        own = [f"{self.stage}/{name}" for name in (OWN_NAMES if self.with_penalty else OWN_NAMES[:1])]
        return [*own, *map(str, self.metrics.keys()), *map(str, self.further.keys())]

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
        for samples in self._kept.values():
            samples.clear()
        for metric in self._all():
            metric.reset()

    def state(self) -> dict[str, Any]:
        """The sums so far, as plain data."""
        self._measure()
        kept = {name: list(samples) for name, samples in self._kept.items()}
        return {"sums": [_state(metric) for metric in self._all()], "kept": kept}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from the sums of a checkpoint."""
        self.reset()
        for metric, saved in zip(self._all(), state["sums"], strict=True):
            _load(metric, saved)
        device = self.loss.device
        for name, samples in self._kept.items():
            samples += [(some.to(device), theirs.to(device)) for some, theirs in state["kept"].get(name, ())]

    def add(self, earlier: "StageMetrics") -> None:
        """Count the samples of `earlier` too, which must not be asked afterwards."""
        self._measure()
        earlier._measure()
        kept = [self.further[name] for name in self._kept]
        for mine, others in zip(self._all(), earlier._all(), strict=True):
            if others.update_called and not any(mine is metric for metric in kept):
                mine.merge_state(others)
        for name, samples in self._kept.items():
            for predictions, targets in samples:
                earlier.further[name].update(predictions, targets)
            _load(self.further[name], _state(earlier.further[name]))

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
            for name, metric in self.further.items(keep_base=True):
                samples = as_taken(predictions, metric), as_taken(targets_together, metric)
                metric.update(*samples)
                if name in self._kept:
                    self._kept[name].append(samples)

    def _all(self) -> list[Metric]:
        return [self.loss, self.penalty, *self.metrics.values(), *self.further.values()]


def _collected(stage: str, metrics: Mapping[str, Metric]) -> MetricCollection:
    copies: dict[str, Metric | MetricCollection] = {name: metric.clone() for name, metric in metrics.items()}
    # Metrics that share their sums could not be added up one by one.
    return MetricCollection(copies, prefix=f"{stage}/", compute_groups=False)


def _state(metric: Metric) -> dict[str, Any]:
    # A reset empties lists in place.
    state = {name: list(value) if isinstance(value, list) else value for name, value in metric.metric_state.items()}
    return {"updates": metric.update_count, "state": state}


def _load(metric: Metric, saved: Mapping[str, Any]) -> None:
    metric._update_count = saved["updates"]
    for name, value in saved["state"].items():
        is_tensor = isinstance(value, Tensor)  # else a list, of metrics that keep all samples
        setattr(metric, name, value.to(metric.device) if is_tensor else [each.to(metric.device) for each in value])
