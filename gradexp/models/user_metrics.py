"""Metrics that the user configures: built from sections, tried on dummy data, and fed in the shape that they take."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from gradexp.arguments import arguments_of
from gradexp.building.construct import constructed
from gradexp.building.trust import trusted_class

LOSS_NAMES = ("loss", "penalty", "objective")  # logged by every model; lower is better


def build_metrics(
    sections: Mapping[str, Mapping[str, Any]],
    trusted_packages: Sequence[str],
    num_classes: int,
    num_targets: int,
    reserved: Collection[str],
) -> dict[str, Metric]:
    """The metrics of these sections, by name; arguments that follow from the data, such as num_classes, are filled in.

    Args:
        sections: By name: `_target_`, the dotted path of a class of torchmetrics, and its arguments.
        trusted_packages: Packages that may be imported besides torchmetrics.
        num_classes: Number of classes; 0 where targets are real numbers.
        num_targets: Real numbers in a target.
        reserved: Names of the model's default metrics.

    Raises:
        ValueError: A name is reserved or no identifier; there is no such metric; it does not take an argument, the
            predictions or the targets; or its value is not a single number.
    """
    known = {"task": "multiclass", "num_classes": num_classes, "num_labels": num_classes} if num_classes else {}
    metrics = {}
    for name, section in sections.items():
        key = f"metrics.{name}"
        if name in (*reserved, *LOSS_NAMES) or not str(name).isidentifier():
            raise ValueError(f"{key} must have an unused name of letters, digits and _; got {name!r}.")
        cls = trusted_class(section.get("_target_"), "metrics", trusted_packages, f"{key}._target_")
        arguments = {argument: value for argument, value in section.items() if argument != "_target_"}
        offered = {argument: value for argument, value in known.items() if argument not in arguments}
        try:
            metrics[name] = _build(cls, key, arguments, offered, num_classes, num_targets)
        except ValueError:
            # With several targets some metrics give one number only if num_outputs is given; others then give
            # one number per target.
            if num_targets == 1 or "num_outputs" in arguments or "num_outputs" not in arguments_of(cls):
                raise
            metrics[name] = _build(cls, key, arguments, {"num_outputs": num_targets}, num_classes, num_targets)
    return metrics


def _build(
    cls: Any, key: str, arguments: Mapping[str, Any], offered: Mapping[str, Any], num_classes: int, num_targets: int
) -> Metric:
    if not num_classes and cls.__module__.startswith("torchmetrics.classification"):
        raise ValueError(f"{key}._target_ must be a metric of real numbers; got {cls.__name__}.")
    metric: Metric = constructed(cls, key, arguments, offered)
    name = type(metric).__name__
    if _is_binary(metric) and num_classes != 2:
        raise ValueError(f"{key}._target_ must be a metric of {num_classes} classes; got {name}.")
    predictions, targets = _dummy_data(metric, num_classes, num_targets)
    try:
        value = _value(metric, predictions, targets)
    except Exception as error:  # any, from a metric of other data
        raise ValueError(
            f"{key}._target_ must be a metric of predictions {list(predictions.shape)} and targets "
            f"{list(targets.shape)}; got {name}: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        result = f"{list(value.shape)} numbers" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        hint = " Try average=macro." if getattr(metric, "average", "") in (None, "none") else ""
        raise ValueError(f"{key} must give one number; got {name}, which gives {result}.{hint}")
    return metric


def _is_binary(metric: Metric) -> bool:
    """Whether a metric of torchmetrics takes one probability per sample, that of class 1."""
    return any(base.__name__.startswith("Binary") for base in type(metric).__mro__)


def to_metric_shape(values: Tensor, metric: Metric) -> Tensor:
    """For a binary metric, probabilities [batch, 2] become those of class 1 [batch]; [batch, 1] becomes [batch]."""
    if _is_binary(metric):
        return values[:, 1] if values.ndim == 2 else values
    return values.squeeze(1) if values.ndim == 2 and values.shape[1] == 1 else values


def not_mergeable(metrics: Mapping[str, Metric], num_classes: int, num_targets: int) -> list[str]:
    """The names of the metrics for which merging the states of three parts of some samples in turn fails.

    It fails if it raises an error, or if the merged value differs from that of all samples.
    """
    return [name for name, metric in metrics.items() if not _can_be_merged(metric, num_classes, num_targets)]


def _can_be_merged(metric: Metric, num_classes: int, num_targets: int) -> bool:
    predictions, targets = _dummy_data(metric, num_classes, num_targets)
    first, second, third = (metric.clone() for _ in range(3))
    with warnings.catch_warnings(action="ignore"):
        try:
            for part, *batch in zip((first, second, third), predictions.chunk(3), targets.chunk(3), strict=True):
                part.update(*batch)
            second.merge_state(first)
            third.merge_state(second)
            return torch.allclose(third.compute(), _value(metric, predictions, targets), 1e-4, equal_nan=True)
        except (RuntimeError, TypeError, ValueError):
            return False


def metric_mode(metric: Metric | None) -> Literal["max", "min"] | None:
    """Whether a higher or a lower value is better, by `higher_is_better`; None if the metric does not define it."""
    if metric is None or metric.higher_is_better is None:
        return None
    return "max" if metric.higher_is_better else "min"


def _dummy_data(metric: Metric, num_classes: int, num_targets: int) -> tuple[Tensor, Tensor]:
    """Predictions and targets of 12 samples, drawn without advancing torch's global random numbers."""
    generator = torch.Generator().manual_seed(0)
    if num_classes:
        predictions = torch.rand(12, num_classes, generator=generator).softmax(dim=1)
        targets = torch.arange(12) % num_classes
    else:
        predictions, targets = (torch.rand(12, num_targets, generator=generator) for _ in range(2))
    return to_metric_shape(predictions, metric), to_metric_shape(targets, metric)


def _value(metric: Metric, predictions: Tensor, targets: Tensor) -> Any:
    copy = metric.clone()
    with warnings.catch_warnings(action="ignore"):
        copy.update(predictions, targets)
        return copy.compute()
