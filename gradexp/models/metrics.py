"""Metrics that torchmetrics has not quite, and metrics of the user's from sections of settings."""

import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy

from gradexp.building.construct import constructed
from gradexp.building.trust import trusted_class
from gradexp.rules import arguments_of

OWN_NAMES = ("loss", "penalty", "objective")  # which every model logs, and of which less is better


class R2(Metric):
    """The share of the targets' variance that is explained, 1 - SSE / SST, a mean over targets.

    NaN for fewer than two samples; of constant targets 1 where they are met and 0 else, as in scikit-learn. Sums are of
    deviations from the mean, combined as by Chan, Golub and LeVeque (1979): torchmetrics' own subtracts sums of
    squares, of which little is left in float32 where the mean is large, and takes small variances for none.

    Args:
        num_targets: Numbers in a target.
    """

    full_state_update = False
    higher_is_better = True
    moments: Tensor

    def __init__(self, num_targets: int = 1) -> None:
        super().__init__()
        # Samples, their mean target, the sum of squared deviations from it, and of squared errors [4, targets].
        self.add_state("moments", torch.zeros(4, num_targets), dist_reduce_fx=_combined)

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count predictions against targets, both [batch, targets]."""
        mean = target.mean(dim=0)
        number = torch.full_like(mean, len(target))
        batch = torch.stack([number, mean, (target - mean).square().sum(dim=0), (preds - target).square().sum(dim=0)])
        self.moments = _combined(torch.stack([self.moments, batch.to(self.moments.dtype)]))

    def compute(self) -> Tensor:
        number, _, deviations, errors = self.moments
        explained = torch.where(deviations > 0, 1 - errors / deviations, (errors == 0).to(errors.dtype))
        return torch.where(number < 2, math.nan, explained).mean()


def _combined(parts: Tensor) -> Tensor:
    """The moments of several samples together: [parts, 4, targets] to [4, targets]."""
    numbers, means, deviations, errors = parts.unbind(dim=1)
    number = numbers.sum(dim=0)
    mean = (numbers * means).sum(dim=0) / number.clamp(min=1)
    between = (numbers * (means - mean).square()).sum(dim=0)
    return torch.stack([number, mean, deviations.sum(dim=0) + between, errors.sum(dim=0)])


def class_accuracy(num_classes: int) -> MulticlassAccuracy:
    """The share of samples [batch] whose class has the largest of the outputs [batch, classes]."""
    # "micro" is the share of samples; validate_args looks at every target of every batch.
    return MulticlassAccuracy(num_classes, average="micro", validate_args=False)


class ThresholdAccuracy(BinaryAccuracy):
    """The share of samples whose one output [batch, 1] is on the right side of a threshold.

    torchmetrics' own takes outputs for probabilities or for logits, whichever they look like.

    Args:
        threshold: Above it an output speaks for class 1.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__(validate_args=False)
        self.output_threshold = threshold

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count outputs [batch, 1] against classes [batch]."""
        super().update((preds > self.output_threshold).squeeze(1).int(), target)


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
