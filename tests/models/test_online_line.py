"""Linear regression with one weight, trained on one sample at a time, against NumPy."""

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp import run
from gradexp.app.composition import compose
from gradexp.data import BatchLoader, BatchOrder, Points, TensorSource
from gradexp.models import LinearRegression
from tests.models.fitting import Array, Recorder, fitted

EPOCHS = 100


def expected() -> tuple[Array, Array]:
    """The weight at the start and after each step, and the loss before each step."""
    weights, losses = [1.0], []
    for x in [1.0, 2.0, 3.0] * EPOCHS:
        error = weights[-1] * x - 2 * x
        losses.append(error**2)
        weights.append(weights[-1] - 0.01 * 2 * error * x)
    return np.array(weights), np.array(losses)


def trajectory(precision: str) -> Array:
    model = LinearRegression(1, bias=False, initial_weight=1.0, optimizer={"_target_": "torch.optim.SGD", "lr": 0.01})
    x = torch.tensor([[1.0], [2.0], [3.0]])
    loader = BatchLoader(TensorSource(x, 2 * x), BatchOrder(3, batch_size=1, repeat=EPOCHS))
    recorder = Recorder()
    fitted(model, loader, precision=precision, callbacks=[recorder])
    rows: Array = np.concatenate(recorder.rows)
    return rows


def test_the_first_three_weights_equal_those_computed_by_hand() -> None:
    # 1 + 0.02 (2 - 1) 1;  1.02 + 0.02 (4 - 2.04) 2;  1.0984 + 0.02 (6 - 3.2952) 3
    np.testing.assert_allclose(trajectory("32-true")[1:4], [1.02, 1.0984, 1.260688], rtol=1e-7)


@pytest.mark.parametrize(("precision", "tolerance"), [("32-true", 1e-6), ("64-true", 1e-15)])
def test_every_one_of_300_weights_equals_numpys(precision: str, tolerance: float) -> None:
    np.testing.assert_allclose(trajectory(precision), expected()[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_keep_their_order_without_shuffling(seed: int) -> None:
    points = [[1.0], [2.0], [3.0]]
    data = Points(points, [2.0, 4.0, 6.0], batch_size=1, repeat=2, shuffle=False, seed=seed)
    data.setup("fit")
    assert [inputs.tolist() for inputs, _ in data.train_dataloader()] == [[point] for point in points] * 2


def test_the_experiment_has_these_settings() -> None:
    cfg = compose("+experiment=online_line")
    points = [[1.0], [2.0], [3.0]], [2.0, 4.0, 6.0]
    assert (cfg.data.inputs, cfg.data.targets) == points
    assert (cfg.model.bias, cfg.model.initial_weight, cfg.optimizer._target_, cfg.optimizer.lr) == (
        False,
        1,
        "torch.optim.SGD",
        0.01,
    )
    assert (cfg.trainer.max_epochs, cfg.data.batch_size, cfg.data.shuffle) == (EPOCHS, 1, False)


def test_the_experiment_logs_the_loss_of_every_step() -> None:
    # One epoch that repeats the data, so that no checkpoints are written in between; the order is the same.
    result = run("+experiment=online_line", "trainer.max_epochs=1", f"data.repeat={EPOCHS}", "figures=false")
    log = EventAccumulator(str(result.folder / "tensorboard"), size_guidance={"scalars": 0})
    log.Reload()
    weights, losses = expected()
    events = log.Scalars("train/loss")[: 3 * EPOCHS]  # the mean of the epoch follows
    assert [event.step for event in events] == [*range(1, 3 * EPOCHS + 1)]
    # These are the errors w x - y; float32 weights near 2 are rounded to 2e-7.
    np.testing.assert_allclose(np.sqrt([event.value for event in events]), np.sqrt(losses), rtol=0, atol=3e-6)
    assert [event.value for event in log.Scalars("train/lr")[: 3 * EPOCHS]] == pytest.approx([0.01] * 3 * EPOCHS)
    assert result.metrics["train/loss"] == pytest.approx(losses.mean(), rel=1e-5)
    checkpoint = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["state_dict"]["network.weight"].item() == pytest.approx(weights[-1], rel=1e-6)
