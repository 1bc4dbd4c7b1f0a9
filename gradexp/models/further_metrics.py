"""Metrics of the user's choice, from sections of settings: built, held against the data, and fed as they take it."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from gradexp.arguments import arguments_of
from gradexp.building.construct import constructed
from gradexp.building.trust import trusted_class

OWN_NAMES = ("loss", "penalty", "objective")  # which every model logs, and of which less is better


def build_metrics(
    sections: Mapping[str, Mapping[str, Any]],
    trusted_packages: Sequence[str],
    num_classes: int,
    num_targets: int,
    taken: Collection[str],
) -> dict[str, Metric]:
    """The metrics of these sections, by name; what the data says (num_classes and the like) need not be given.

    Args:
        sections: `_target_`, the dotted path of a class of torchmetrics, and its arguments, by name.
        trusted_packages: Packages that may be imported beside torchmetrics.
        num_classes: Number of classes; 0 where the targets are real numbers.
        num_targets: Real numbers in a target.
        taken: Names of the model's own metrics.

    Raises:
        ValueError: A name is taken or no identifier, there is no such metric, it does not take an argument, the
            predictions or the targets, or it gives no single number.
    """
    known: dict[str, Any] = {}
    if num_classes:
        known = {"task": "multiclass", "num_classes": num_classes, "num_labels": num_classes}
    built = {}
    for name, section in sections.items():
        key = f"metrics.{name}"
        if name in (*taken, *OWN_NAMES) or not str(name).isidentifier():
            raise ValueError(f"{key} must have a name of its own, of letters, digits and _; got {name!r}.")
        cls = trusted_class(section.get("_target_"), "metrics", trusted_packages, f"{key}._target_")
        given = {argument: value for argument, value in section.items() if argument != "_target_"}
        offered = {argument: value for argument, value in known.items() if argument not in given}
        try:
            built[name] = _metric(cls, key, given, offered, num_classes, num_targets)
        except ValueError:
            # Some metrics of several numbers want to know how many, and give one number then; others give several.
            if num_targets == 1 or "num_outputs" in given or "num_outputs" not in arguments_of(cls):
                raise
            built[name] = _metric(cls, key, given, {"num_outputs": num_targets}, num_classes, num_targets)
    return built


def _metric(
    cls: Any, key: str, given: Mapping[str, Any], offered: Mapping[str, Any], num_classes: int, num_targets: int
) -> Metric:
    if not num_classes and cls.__module__.startswith("torchmetrics.classification"):
        raise ValueError(f"{key}._target_ must be a metric of real numbers; got {cls.__name__}.")
    metric: Metric = constructed(cls, key, given, offered)
    if is_binary(metric) and num_classes != 2:
        raise ValueError(f"{key}._target_ must be a metric of {num_classes} classes; got {type(metric).__name__}.")
    _check_gives_one_number(metric, key, _stand_ins(num_classes, num_targets))
    return metric


def is_binary(metric: Metric) -> bool:
    """Whether a metric of torchmetrics takes one probability a sample, that of class 1."""
    return any(base.__name__.startswith("Binary") for base in type(metric).__mro__)


def as_taken(values: Tensor, metric: Metric) -> Tensor:
    """Probabilities [batch, 2], for a metric of one, as those of class 1 [batch]; one real number as [batch]."""
    if is_binary(metric):
        return values[:, 1] if values.ndim == 2 else values
    return values.squeeze(1) if values.ndim == 2 and values.shape[1] == 1 else values


def can_be_merged(metric: Metric, num_classes: int, num_targets: int) -> bool:
    """Whether the states of three thirds of some samples, merged one after the other, give what all of them give."""
    predictions, targets = (as_taken(values, metric) for values in _stand_ins(num_classes, num_targets))
    thirds = [metric.clone() for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for third, some, theirs in zip(thirds, predictions.chunk(3), targets.chunk(3), strict=True):
                third.update(some, theirs)
            thirds[1].merge_state(thirds[0])
            thirds[2].merge_state(thirds[1])
            return torch.allclose(thirds[2].compute(), _value(metric, predictions, targets), 1e-4, equal_nan=True)
        except (RuntimeError, TypeError, ValueError):
            return False


def _stand_ins(num_classes: int, num_targets: int) -> tuple[Tensor, Tensor]:
    """Predictions and targets of 12 samples, such as a model's; torch's own random numbers stay as they are."""
    generator = torch.Generator().manual_seed(0)
    if num_classes:
        predictions = torch.rand(12, num_classes, generator=generator).softmax(dim=1)
        return predictions, torch.arange(12) % num_classes
    return torch.rand(12, num_targets, generator=generator), torch.rand(12, num_targets, generator=generator)


def _check_gives_one_number(metric: Metric, key: str, samples: tuple[Tensor, Tensor]) -> None:
    predictions, targets = (as_taken(values, metric) for values in samples)
    name = type(metric).__name__
    try:
        value: Any = _value(metric, predictions, targets)
    except Exception as error:  # of a metric of something else
        raise ValueError(
            f"{key}._target_ must be a metric of predictions {list(predictions.shape)} and targets "
            f"{list(targets.shape)}; got {name}: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        found = f"{list(value.shape)} numbers" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        hint = " There is average=macro." if getattr(metric, "average", "") in (None, "none") else ""
        raise ValueError(f"{key} must give one number; got {name}, which gives {found}.{hint}")


def _value(metric: Metric, predictions: Tensor, targets: Tensor) -> Any:
    whole = metric.clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole.update(predictions, targets)
        return whole.compute()


def metric_mode(metric: Metric | None) -> Literal["max", "min"] | None:
    """Which way a metric is better, by its own word; None where it says nothing."""
    if metric is None or metric.higher_is_better is None:
        return None
    return "max" if metric.higher_is_better else "min"
