"""Rosenblatt's rule against a naive loop and Novikoff's bound."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from gradexp import run
from gradexp.data import Separable
from gradexp.models import Rosenblatt
from tests.models.fitting import Array, Recorder, as_numpy, fitted, full_batches

pytestmark = pytest.mark.slow


def with_ones(inputs: Any) -> Array:
    return np.hstack([as_numpy(inputs), np.ones((len(inputs), 1))])


def in_order(data: Separable, epochs: int) -> tuple[Array, Array]:
    """The samples in the loader's order over several epochs, each with a 1 for the bias."""
    loader = data.train_dataloader()
    inputs, targets = [], []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for x, t in loader:
            inputs.append(with_ones(x))
            targets.append(t.numpy())
    return np.concatenate(inputs), np.concatenate(targets)


def naive(inputs: Array, targets: Array, lr: float) -> tuple[Array, int]:
    """The weights, with the bias last, at the start and after every sample; and the number of corrections."""
    rows, corrections = [np.zeros(inputs.shape[1])], 0
    for x, t in zip(inputs, targets, strict=True):
        error = t - (1 if rows[-1] @ x > 0 else 0)
        corrections += abs(int(error))
        rows.append(rows[-1] + lr * error * x)
    return np.array(rows), corrections


def model_with(lr: float, features: int = 2, **arguments: Any) -> Rosenblatt:
    return Rosenblatt(features, optimizer={"_target_": "torch.optim.SGD", "lr": lr}, **arguments)


@pytest.mark.parametrize(("seed", "lr"), [(0, 1.0), (1, 0.1), (2, 3.0)])
def test_weights_after_every_sample_equal_a_naive_loop(seed: int, lr: float) -> None:
    data, model, recorder = Separable(num_samples=60, margin=0.02, seed=seed), model_with(lr), Recorder()
    fitted(model, data, max_epochs=3, callbacks=[recorder])
    expected, corrections = naive(*in_order(data, epochs=3), lr)
    assert len(recorder.rows) == 181
    np.testing.assert_allclose(recorder.rows, expected, rtol=1e-12, atol=1e-12)
    assert corrections > 0
    assert int(model.corrections) == corrections


def test_several_steps_at_once_give_the_same_weights() -> None:
    single = Separable(num_samples=60, margin=0.02)
    single.setup("fit")
    expected, corrections = naive(*in_order(single, epochs=3), 1.0)
    data = Separable(num_samples=60, margin=0.02, steps_per_execution=50)
    model = model_with(1.0)
    trainer = fitted(model, data, max_epochs=3)
    assert data.steps_at_once == 50
    assert trainer.global_step == 180
    layer = model.network.get_submodule("output")
    np.testing.assert_allclose(np.append(as_numpy(layer.weight), as_numpy(layer.bias)), expected[-1], rtol=1e-12)
    assert int(model.corrections) == corrections


@pytest.mark.parametrize("seed", range(4))
def test_corrections_stay_within_novikoffs_bound_for_any_learning_rate(seed: int) -> None:
    counts = set()
    for lr in (0.1, 1.0, 7.0):
        data = Separable(num_samples=100, margin=0.05, num_features=3, seed=seed, repeat=11, steps_per_execution=50)
        model = model_with(lr, features=3)
        trainer = fitted(model, data)
        counts.add(int(model.corrections))
    # From zero weights lr only scales the weights.
    assert len(counts) == 1
    inputs, targets = data.sample(100)
    machine = SVC(kernel="linear", C=1e8).fit(as_numpy(inputs), targets.numpy())
    plane = np.append(machine.coef_[0], machine.intercept_)
    margin = ((2 * targets.numpy() - 1) * (with_ones(inputs) @ plane)).min() / np.linalg.norm(plane)
    radius = np.linalg.norm(with_ones(inputs), axis=1).max()
    assert 0 < counts.pop() <= (radius / margin) ** 2
    assert trainer.global_step == 1100
    # It has converged: the weights do not change after an epoch without mistakes.
    layer = model.network.get_submodule("output")
    predicted = with_ones(inputs) @ np.append(as_numpy(layer.weight), as_numpy(layer.bias)) > 0
    np.testing.assert_array_equal(predicted, targets.numpy())


def test_the_corrections_of_a_batch_are_summed() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]], dtype=torch.float64)
    model = model_with(0.5)
    fitted(model, full_batches(x, torch.tensor([1, 0, 1]), 1))
    # All outputs are 0, so that the first and the third sample are mistakes.
    layer = model.network.get_submodule("output")
    np.testing.assert_array_equal(as_numpy(layer.weight), [[0.5 * (1 - 2), 0.5 * (2 + 0.5)]])
    np.testing.assert_array_equal(as_numpy(layer.bias), [1.0])
    assert int(model.corrections) == 2


def test_the_experiment_converges_and_reports_its_bound() -> None:
    result = run("+experiment=rosenblatt", "trainer.max_epochs=10", "figures=false")
    metrics = result.metrics
    assert metrics["train/accuracy"] == 1.0
    assert metrics["train/loss"] == 0.0
    assert metrics["test/accuracy"] > 0.95
    bound = (metrics["perceptron/radius"] / metrics["perceptron/margin"]) ** 2
    assert 0 < metrics["perceptron/corrections"] <= metrics["perceptron/bound"] == pytest.approx(bound)


@pytest.mark.filterwarnings("ignore:Solver terminated early")
def test_on_xor_every_epoch_has_a_mistake() -> None:
    arguments = ["data=xor", "data.batch_size=1", "trainer.max_epochs=4", "test=false", "figures=false"]
    result = run("+experiment=rosenblatt", *arguments)
    assert result.metrics["steps"] == 4 * 50 * 4
    # Weights that make no mistake in an epoch would separate the four points.
    assert result.metrics["perceptron/corrections"] >= 4 * 50
    assert result.metrics["train/accuracy"] <= 0.75
    assert "perceptron/bound" not in result.metrics
    assert any("no line separates the classes" in note for note in result.notes)


def test_classes_that_no_line_separates_give_no_warning_in_a_run() -> None:
    run("+experiment=rosenblatt", "data=xor", "trainer.max_epochs=1", "test=false", "figures=false")


def test_corrections_continue_after_a_resume() -> None:
    settings = ["+experiment=rosenblatt", "data.margin=0.002", "test=false", "figures=false"]
    whole = run(*settings, "trainer.max_epochs=4", "hydra.run.dir=whole")
    part = run(*settings, "trainer.max_epochs=1", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_epochs=4")
    name = "perceptron/corrections"
    assert 0 < part.metrics[name] < whole.metrics[name] == resumed.metrics[name]
    first, second = (
        torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for result in (whole, resumed)
    )
    assert first["corrections"] == second["corrections"] == whole.metrics[name]
    for key, tensor in first.items():
        assert torch.equal(tensor, second[key]), key


def test_outputs_predictions_and_loss_of_the_step_function() -> None:
    model = model_with(1.0)
    layer = model.network.get_submodule("output")
    assert not any(parameter.any() for parameter in model.parameters())
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0]]))  # type: ignore[operator]  # a Parameter
    outputs = model(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(as_numpy(outputs), [[1], [0], [0]])
    np.testing.assert_array_equal(as_numpy(model.predictions(outputs)), [[0, 1], [1, 0], [1, 0]])
    assert model.loss(outputs, torch.tensor([1, 1, 1])).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"_target_": "torch.optim.Adam", "lr": 1e-3},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9},
        {"_target_": "torch.optim.LBFGS"},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "weight_decay": 0.1},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "maximize": True},
    ],
)
def test_an_optimizer_with_another_rule_raises(optimizer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"optimizer must be sgd for Rosenblatt's rule.*got \{'_target_'"):
        Rosenblatt(2, optimizer=optimizer)


def test_more_than_two_classes_raise() -> None:
    with pytest.raises(ValueError, match=r"Rosenblatt needs data of 2 classes; got 3\..*model=sigmoid_units"):
        Rosenblatt(2, num_classes=3)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_a_penalty_warns_that_it_has_no_effect(penalty: str) -> None:
    arguments: dict[str, Any] = {penalty: 0.1}
    with pytest.warns(UserWarning, match="no effect on Rosenblatt's rule"):
        model = model_with(1.0, **arguments)
    assert not model.objective.penalties
