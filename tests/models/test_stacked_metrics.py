"""The metrics of several members equal torchmetrics', member by member, however the samples are batched."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchmetrics import MeanSquaredError, Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from gradexp.engine.stack.means import StackedMeans
from gradexp.models.default_metrics import R2, ThresholdAccuracy, class_accuracy
from gradexp.models.stacked_metrics import stacked_metric

MEMBERS, SAMPLES = 3, 37


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


CASES: dict[str, tuple[Metric, Tensor, Tensor]] = {
    "classes": (class_accuracy(4), drawn(MEMBERS, SAMPLES, 4), drawn(MEMBERS, SAMPLES).abs().long().clamp(max=3)),
    "threshold": (ThresholdAccuracy(0.3), drawn(MEMBERS, SAMPLES, 1), (drawn(MEMBERS, SAMPLES) > 0).long()),
    "squared error": (MeanSquaredError(), drawn(MEMBERS, SAMPLES, 2), drawn(MEMBERS, SAMPLES, 2) + 0.1),
    "r2": (R2(2), drawn(MEMBERS, SAMPLES, 2), 5 * drawn(MEMBERS, SAMPLES, 2) + 1000),
    "r2 of constant targets": (R2(1), drawn(MEMBERS, SAMPLES, 1), torch.full((MEMBERS, SAMPLES, 1), 0.5)),
    "r2 of one sample": (R2(1), drawn(MEMBERS, 1, 1), drawn(MEMBERS, 1, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_each_member_alone(case: str) -> None:
    metric, outputs, targets = CASES[case]
    stacked = stacked_metric(metric)
    assert stacked is not None
    means, later = StackedMeans({"it": stacked}), StackedMeans({"it": stacked})
    for part, into in ((slice(0, 20), means), (slice(20, None), later)):
        if outputs[:, part].numel():
            into.update(outputs[:, part], targets[:, part], torch.zeros(len(outputs)))
    means.add(later)
    for row, value in enumerate(means.compute()["it"]):
        own = metric.clone()
        own.update(outputs[row], targets[row])
        torch.testing.assert_close(value.float(), own.compute(), equal_nan=True, rtol=1e-5, atol=1e-6)


def test_losses_are_means_over_samples_and_not_over_batches() -> None:
    means = StackedMeans({})
    for size, loss, penalty in ((30, [1.0, 2.0], [0.5, 0.5]), (10, [5.0, 6.0], [0.7, 0.1])):
        outputs = torch.zeros(2, size, 1)
        means.update(outputs, outputs, torch.tensor(loss), torch.tensor(penalty))
    values = means.compute()
    assert values["loss"].tolist() == [2.0, 3.0]
    torch.testing.assert_close(values["penalty"], torch.tensor([0.55, 0.4]).double())


@pytest.mark.parametrize(
    "metric",
    [
        MulticlassF1Score(3),
        MulticlassAccuracy(3),
        MulticlassAccuracy(3, average="micro", top_k=2),
        MeanSquaredError(False),
    ],
)
def test_other_metrics_have_no_such_version(metric: Any) -> None:
    assert stacked_metric(metric) is None
