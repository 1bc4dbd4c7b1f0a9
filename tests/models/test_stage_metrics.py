"""StageMetrics against sums over samples by hand."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy

from gradexp.models.stage_metrics import BATCHES_AT_ONCE, StageMetrics

Step = tuple[Tensor, Tensor, Tensor, Tensor]  # outputs, targets, loss, penalty


def new_metrics(with_penalty: bool = True) -> StageMetrics:
    accuracy = MulticlassAccuracy(3, average="micro", validate_args=False)
    return StageMetrics("train", {"accuracy": accuracy}, {}, lambda outputs: outputs, with_penalty=with_penalty)


def random_steps(sizes: Iterable[int], seed: int = 0) -> list[Step]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(size, 3, generator=generator),
            torch.randint(3, (size,), generator=generator),
            torch.rand((), generator=generator),
            torch.rand((), generator=generator),
        )
        for size in sizes
    ]


def updated(steps: Iterable[Step], metrics: StageMetrics | None = None) -> StageMetrics:
    metrics = metrics or new_metrics()
    for step in steps:
        metrics.update(*step)
    return metrics


def by_hand(steps: list[Step]) -> dict[str, float]:
    sizes = np.array([len(targets) for _, targets, _, _ in steps])
    losses = np.array([loss.item() for _, _, loss, _ in steps])
    penalties = np.array([penalty.item() for *_, penalty in steps])
    right = sum(int((outputs.numpy().argmax(1) == targets.numpy()).sum()) for outputs, targets, _, _ in steps)
    loss, penalty = (losses * sizes).sum() / sizes.sum(), (penalties * sizes).sum() / sizes.sum()
    return {
        "train/loss": loss,
        "train/penalty": penalty,
        "train/objective": loss + penalty,
        "train/accuracy": right / sizes.sum(),
    }


def as_floats(metrics: StageMetrics) -> dict[str, float]:
    return {name: value.item() for name, value in metrics.compute().items()}


def test_batches_are_weighted_by_their_number_of_samples() -> None:
    metrics = new_metrics()
    right, wrong = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    metrics.update(right, torch.zeros(1, dtype=torch.long), torch.tensor(3.0), torch.tensor(0.5))
    metrics.update(wrong.repeat(3, 1), torch.zeros(3, dtype=torch.long), torch.tensor(1.0), torch.tensor(0.1))
    # (1 * 3 + 3 * 1) / 4, (1 * 0.5 + 3 * 0.1) / 4, their sum, 1 of 4 right
    expected = {"train/loss": 1.5, "train/penalty": 0.2, "train/objective": 1.7, "train/accuracy": 0.25}
    assert as_floats(metrics) == pytest.approx(expected)


@pytest.mark.parametrize(
    "count", [1, BATCHES_AT_ONCE - 1, BATCHES_AT_ONCE, BATCHES_AT_ONCE + 1, 2 * BATCHES_AT_ONCE + 23]
)
def test_any_number_of_uneven_batches_gives_the_mean_over_all_samples(count: int) -> None:
    steps = random_steps(sizes=[1 + 7 * number % 5 for number in range(count)])
    assert as_floats(updated(steps)) == pytest.approx(by_hand(steps), rel=1e-5)


def test_computing_between_batches_changes_nothing() -> None:
    steps = random_steps(sizes=[4, 1, 9])
    metrics = new_metrics()
    for number, step in enumerate(steps, start=1):
        metrics.update(*step)
        assert as_floats(metrics) == pytest.approx(by_hand(steps[:number]), rel=1e-5)


@pytest.mark.parametrize("split", [0, 1, 60, 111])
def test_the_sum_of_two_equals_one_over_all_batches(split: int) -> None:
    steps = random_steps(sizes=[1 + number % 4 for number in range(112)])
    later, earlier = updated(steps[split:]), updated(steps[:split])
    later.add(earlier)
    assert as_floats(later) == pytest.approx(by_hand(steps), rel=1e-5)


def test_adding_works_after_computing() -> None:
    steps = random_steps(sizes=[4, 4, 4])
    later, earlier = updated(steps[1:]), updated(steps[:1])
    assert as_floats(later) == pytest.approx(by_hand(steps[1:]), rel=1e-5)
    later.add(earlier)
    assert as_floats(later) == pytest.approx(by_hand(steps), rel=1e-5)


def test_a_nan_loss_shows_as_nan() -> None:
    steps = random_steps(sizes=[3, 3, 3])
    outputs, targets, _, penalty = steps[1]
    steps[1] = (outputs, targets, torch.tensor(math.nan), penalty)
    values = as_floats(updated(steps))
    assert math.isnan(values["train/loss"])
    assert math.isnan(values["train/objective"])
    assert math.isfinite(values["train/penalty"])
    assert values["train/accuracy"] == pytest.approx(by_hand(steps)["train/accuracy"])


def test_a_missing_penalty_counts_as_zero() -> None:
    outputs, targets, loss, _ = random_steps(sizes=[5])[0]
    metrics = new_metrics()
    metrics.update(outputs, targets, loss)
    values = as_floats(metrics)
    assert values["train/penalty"] == 0
    assert values["train/objective"] == pytest.approx(loss.item())


def test_penalty_and_objective_are_left_out_of_other_stages() -> None:
    assert as_floats(updated(random_steps(sizes=[5]), new_metrics(with_penalty=False))).keys() == {
        "train/loss",
        "train/accuracy",
    }


def test_reset_forgets_every_sample() -> None:
    metrics = new_metrics()
    has_samples = [metrics.has_samples]
    # Once with batches that are still pending, once with batches that the metrics have been updated with.
    for count in (1, BATCHES_AT_ONCE):
        updated(random_steps(sizes=[2] * count), metrics)
        has_samples.append(metrics.has_samples)
        metrics.reset()
        has_samples.append(metrics.has_samples)
    assert has_samples == [False, True, False, True, False]
    steps = random_steps(sizes=[2, 6], seed=1)
    assert as_floats(updated(steps, metrics)) == pytest.approx(by_hand(steps), rel=1e-5)
