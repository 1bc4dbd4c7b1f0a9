"""Loss and metrics of one stage (training, validation or test), as means over samples."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection

from gradexp.engine.precision import at_least_single
from gradexp.models.user_metrics import LOSS_NAMES, to_metric_shape

BATCHES_AT_ONCE = 50  # updating a metric costs as much for one batch as for fifty, so batches are collected first


class StageMetrics(nn.Module):
    """Accumulates loss, penalty and metrics on the device; `compute` gives the values, over all processes.

    Args:
        stage: "train", "val" or "test"; the prefix of all names.
        default_metrics: Metrics of the outputs besides the loss, by name.
        user_metrics: Metrics of the predictions, by name.
        predictions: The model's function from outputs [batch, ...] to predictions.
        with_penalty: Also give the penalty, and the objective, which is loss + penalty.
        not_mergeable: Names of user metrics whose states cannot be merged; `add` updates them again with all samples.
    """

    def __init__(
        self,
        stage: str,
        default_metrics: Mapping[str, Metric],
        user_metrics: Mapping[str, Metric],
        predictions: Callable[[Tensor], Tensor],
        with_penalty: bool = False,
        not_mergeable: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.stage = stage
        # A NaN loss makes the mean NaN. (nan_strategy="disable" would do so too, but ignores the weights.)
        self.loss = MeanMetric(nan_strategy=math.nan)
        self.penalty = MeanMetric(nan_strategy=math.nan)
        self.default_metrics, self.user_metrics = _collection(stage, default_metrics), _collection(stage, user_metrics)
        self._predictions = predictions
        self.with_penalty = with_penalty
        for metric in self._all():
            metric.compute_with_cache = False  # `add` changes the states without invalidating the cache
        self._pending: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
        # Samples since the last reset, for metrics whose states cannot be merged, such as a correlation.
        self._samples: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in not_mergeable}

    @property
    def names(self) -> list[str]:
        """The keys that `compute` gives, such as "val/loss"."""
        losses = [f"{self.stage}/{name}" for name in (LOSS_NAMES if self.with_penalty else LOSS_NAMES[:1])]
        return [*losses, *map(str, self.default_metrics.keys()), *map(str, self.user_metrics.keys())]

    @property
    def has_samples(self) -> bool:
        """Whether there was a batch since the last reset."""
        return bool(self._pending) or self.loss.update_called

    def update(self, outputs: Tensor, targets: Tensor, loss: Tensor, penalty: Tensor | None = None) -> None:
        """Add a batch: outputs [batch, ...], targets [batch, ...], their mean loss, and the penalty if there is one."""
        self._pending.append((outputs, targets, loss, penalty))
        if len(self._pending) >= BATCHES_AT_ONCE:
            self._update_metrics()

    def compute(self) -> dict[str, Tensor]:
        """The means over the samples since the last reset, by name."""
        self._update_metrics()
        values: dict[str, Tensor] = {f"{self.stage}/loss": self.loss.compute()}
        if self.with_penalty:
            penalty = self.penalty.compute()
            values[f"{self.stage}/penalty"] = penalty
            values[f"{self.stage}/objective"] = values[f"{self.stage}/loss"] + penalty
        return values | self.default_metrics.compute() | (self.user_metrics.compute() if len(self.user_metrics) else {})

    def metric(self, name: str) -> Metric | None:
        """The metric of a name without the stage; None if there is none."""
        for metrics in (self.default_metrics, self.user_metrics):
            if name in metrics.keys(keep_base=True):
                return metrics[name]
        return None

    def reset(self) -> None:
        """Forget all samples."""
        self._pending.clear()
        for samples in self._samples.values():
            samples.clear()
        for metric in self._all():
            metric.reset()

    def state(self) -> dict[str, Any]:
        """The states of all metrics, as plain data for a checkpoint."""
        self._update_metrics()
        samples = {name: list(batches) for name, batches in self._samples.items()}
        return {"sums": [_state(metric) for metric in self._all()], "kept": samples}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from the state in a checkpoint."""
        self.reset()
        for metric, saved in zip(self._all(), state["sums"], strict=True):
            _load(metric, saved)
        device = self.loss.device
        for name, batches in self._samples.items():
            saved_batches = state["kept"].get(name, ())
            batches += [(predictions.to(device), targets.to(device)) for predictions, targets in saved_batches]

    def add(self, earlier: "StageMetrics") -> None:
        """Add the samples of `earlier`, which must be reset before it is used again."""
        self._update_metrics()
        earlier._update_metrics()
        not_mergeable = [self.user_metrics[name] for name in self._samples]
        for mine, theirs in zip(self._all(), earlier._all(), strict=True):
            if theirs.update_called and not any(mine is metric for metric in not_mergeable):
                mine.merge_state(theirs)
        for name, batches in self._samples.items():
            for predictions, targets in batches:
                earlier.user_metrics[name].update(predictions, targets)
            _load(self.user_metrics[name], _state(earlier.user_metrics[name]))

    def _update_metrics(self) -> None:
        if not self._pending:
            return
        outputs, targets, losses, penalties = zip(*self._pending, strict=True)
        self._pending.clear()
        loss = torch.stack(losses)
        sizes = torch.tensor([len(batch) for batch in targets], device=loss.device)
        self.loss.update(loss, sizes)
        self.penalty.update(torch.stack([loss.new_zeros(()) if p is None else p for p in penalties]), sizes)
        all_outputs, all_targets = (at_least_single(torch.cat(batches)) for batches in (outputs, targets))
        self.default_metrics.update(all_outputs, all_targets)
        if len(self.user_metrics):
            predictions = self._predictions(all_outputs)
            for name, metric in self.user_metrics.items(keep_base=True):
                batch = to_metric_shape(predictions, metric), to_metric_shape(all_targets, metric)
                metric.update(*batch)
                if name in self._samples:
                    self._samples[name].append(batch)

    def _all(self) -> list[Metric]:
        return [self.loss, self.penalty, *self.default_metrics.values(), *self.user_metrics.values()]


def _collection(stage: str, metrics: Mapping[str, Metric]) -> MetricCollection:
    copies: dict[str, Metric | MetricCollection] = {name: metric.clone() for name, metric in metrics.items()}
    # Compute groups share states between metrics, so that `add` could not merge them one by one.
    return MetricCollection(copies, prefix=f"{stage}/", compute_groups=False)


def _state(metric: Metric) -> dict[str, Any]:
    # Lists are copied because a reset empties them in place.
    state = {name: list(value) if isinstance(value, list) else value for name, value in metric.metric_state.items()}
    return {"updates": metric.update_count, "state": state}


def _load(metric: Metric, saved: Mapping[str, Any]) -> None:
    metric._update_count = saved["updates"]
    for name, value in saved["state"].items():
        is_tensor = isinstance(value, Tensor)  # else a list, of a metric that stores all samples
        setattr(metric, name, value.to(metric.device) if is_tensor else [each.to(metric.device) for each in value])
