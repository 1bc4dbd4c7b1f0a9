"""Bias, variance and noise, compared with loops in NumPy, with least squares and with the measured error."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre

from gradexp import PolynomialData, run
from gradexp.reports.bias_variance import BELOW_ZERO, of_probabilities, of_squared_error, of_votes
from tests.callbacks.drawing import drawn
from tests.command_line import call
from tests.run_folder import events

pytestmark = pytest.mark.slow

POLYNOMIAL = ("task=bias_variance", "data=polynomial", "model=linear_regression", "optimizer.lr=0.05", "figures=false")
LONG = ("data.repeat=2000", "trainer.max_epochs=1")


def test_the_decomposition_equals_loops_in_numpy() -> None:
    rng = np.random.default_rng(0)
    predictions, truth = rng.normal(size=(6, 9, 2)), rng.normal(size=(9, 2))
    targets = truth + rng.normal(size=(6, 9, 2))
    parts = of_squared_error(torch.tensor(predictions), torch.tensor(truth), torch.tensor(targets), noise=1.0)
    bias2, variance = [], []
    for point in range(9):
        mean = predictions[:, point].mean(axis=0)
        spread = sum(((one - mean) ** 2).sum() for one in predictions[:, point]) / 5
        variance.append(spread)
        bias2.append(((mean - truth[point]) ** 2).sum() - spread / 6)
    errors = [
        np.mean([((p - y) ** 2).sum() for p, y in zip(*pair, strict=True)])
        for pair in zip(predictions, targets, strict=True)
    ]
    assert parts.bias2 == pytest.approx(np.mean(bias2))
    assert parts.variance == pytest.approx(np.mean(variance))
    assert parts.error == pytest.approx(np.mean(errors))
    assert parts.error_se == pytest.approx(np.std(errors, ddof=1) / np.sqrt(6))
    assert parts.total == pytest.approx(parts.bias2 + parts.variance + 2.0)


def test_without_noise_bias_and_variance_add_up_to_the_error() -> None:
    torch.manual_seed(0)
    probabilities = torch.randn(5, 8, 3, dtype=torch.float64).softmax(dim=2)
    parts = of_probabilities(probabilities, torch.arange(8) % 3)
    assert parts.noise is None
    assert parts.total == pytest.approx(parts.error, rel=1e-12)


def test_votes_are_decomposed_as_by_domingos() -> None:
    votes = torch.tensor([[0, 1, 2], [0, 1, 1], [0, 2, 1], [1, 2, 2], [0, 2, 0]])
    classes = torch.tensor([0, 1, 2])
    parts = of_votes(votes, classes)
    # The main predictions are 0, 2, 1 (the first class in a tie); only the first is correct. At the first point 1/5 of
    # the votes differ from it and add errors; at the second and third, 2/5 differ and are correct.
    assert parts.bias == pytest.approx(2 / 3)
    assert parts.variance == pytest.approx((1 / 5 - 2 / 5 - 2 / 5) / 3)
    assert parts.error == pytest.approx((1 + 3 + 3) / 15)
    assert parts.bias + parts.variance == pytest.approx(parts.error)


def test_polynomial_data_has_legendre_features_and_noisy_sine_targets() -> None:
    data = PolynomialData(degree=6, num_samples=20_000, noise=0.5)
    x, targets, truth = data.draw(20_000, "test")
    expected = np.stack([legendre.legval(2 * x.numpy() - 1, np.eye(7)[n]) * np.sqrt(2 * n + 1) for n in range(1, 7)], 1)
    np.testing.assert_allclose(data.features(x).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(truth[:, 0].numpy(), np.sin(2 * np.pi * x.numpy()), atol=1e-5)
    assert (targets - truth).std().item() == pytest.approx(0.5, rel=0.03)
    moments = data.features(x).T @ data.features(x) / len(x)
    np.testing.assert_allclose(moments.numpy(), np.eye(6), atol=0.1)
    sets = data.resample(3, 0.5)
    assert [part.shape for part in sets] == [(3, 20_000, 6), (3, 20_000, 1)]
    assert not torch.equal(sets[0][0], sets[0][1])


@pytest.mark.parametrize("degree", [1, 3, 5, 8, 12])
def test_bias_variance_and_noise_add_up_to_the_measured_error_within_its_standard_error(
    degree: int, tmp_path: Path
) -> None:
    result = run(*POLYNOMIAL, "trainer.max_epochs=1", f"data.degree={degree}", f"hydra.run.dir={tmp_path}")
    metrics = result.metrics
    assert (BELOW_ZERO in result.notes) == (metrics["val/bias2"] < 0)
    assert metrics["val/noise"] == pytest.approx(0.3**2)
    assert metrics["val/sum"] == pytest.approx(metrics["val/bias2"] + metrics["val/variance"] + metrics["val/noise"])
    assert abs(metrics["val/sum"] - metrics["val/error"]) < metrics["val/error_se"]


def test_gradient_descent_has_the_bias_and_variance_of_least_squares(tmp_path: Path) -> None:
    metrics = run(*POLYNOMIAL, *LONG, "data.degree=3", f"hydra.run.dir={tmp_path}").metrics
    data = PolynomialData(degree=3)
    inputs, targets = data.resample(50, 0.5)
    x, _, truth = data.draw(2000, "polynomial/points")
    design = np.c_[np.ones(2000), data.features(x).double().numpy()]
    fits = []
    for fit_inputs, fit_targets in zip(inputs.double().numpy(), targets.double().numpy(), strict=True):
        solution, *_ = np.linalg.lstsq(np.c_[np.ones(len(fit_inputs)), fit_inputs], fit_targets[:, 0], rcond=None)
        fits.append(design @ solution)
    variance = np.var(fits, axis=0, ddof=1)
    bias2 = (np.mean(fits, axis=0) - truth[:, 0].numpy()) ** 2 - variance / 50
    assert metrics["val/variance"] == pytest.approx(variance.mean(), rel=1e-3)
    assert metrics["val/bias2"] == pytest.approx(bias2.mean(), rel=1e-2)


def test_a_classifier_is_decomposed_by_probabilities_and_by_votes(tmp_path: Path) -> None:
    line = ("task=bias_variance", "model.hidden=[8]", "trainer.max_epochs=5", "resampling.copies=4", "seed=0")
    metrics = run(*line, f"hydra.run.dir={tmp_path / 'a'}").metrics
    logged = events(tmp_path / "a")
    assert logged.Tags()["scalars"] == ["val/error"], "a table has the other single values"
    (table,) = logged.Tensors("results/text_summary")
    assert f"val/bias2 | {metrics['val/bias2']:.6g} |" in table.tensor_proto.string_val[0].decode()
    assert metrics["val/bias2"] + metrics["val/variance"] == pytest.approx(metrics["val/error"])
    assert metrics["val/bias_01"] + metrics["val/variance_01"] == pytest.approx(metrics["val/error_01"])
    assert metrics["resampling/samples"] == 619
    assert metrics["monitor"] == "val/error"
    again = run(*line, f"hydra.run.dir={tmp_path / 'b'}").metrics
    other = run(*line[:-1], "seed=1", f"hydra.run.dir={tmp_path / 'c'}").metrics
    assert metrics["val/bias2"] == again["val/bias2"] != other["val/bias2"]


def test_resampled_sets_come_from_the_training_part_only() -> None:
    from gradexp import Digits

    data = Digits()
    data.setup("fit")
    whole, _ = data.sample(10_000)
    known = {tuple(image.flatten().tolist()) for image in whole}
    inputs, targets = data.resample(2, 100)
    assert targets.shape == (2, 100)
    for drawn_set in inputs:
        images = [tuple(image.flatten().tolist()) for image in drawn_set]
        assert known.issuperset(images)
        assert len(set(images)) > 95  # drawn without replacement; a few images of the data are equal


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("resampling.copies=1",), "resampling.copies must be a whole number of at least 2; got 1"),
        (("resampling.size=0",), "resampling.size must be a whole number of samples"),
        (("resampling.size=5000",), "resampling.size must be at most 1,238, the training samples; got 5000"),
        (("optimizer=lbfgs",), "optimizer must be one that steps by gradients alone"),
        (("model.batch_norm=true",), "it has buffers"),
        (("model.backward=by_hand",), "model.backward must be autograd for task=bias_variance; got by_hand"),
        (
            ("scheduler=cosine",),
            "scheduler must be none for task=bias_variance; got torch.optim.lr_scheduler.Cos",
        ),
        (("trainer.max_steps=5",), "trainer.max_steps must be -1 for task=bias_variance; got 5"),
        (("augmentation=affine",), "augmentation must be none"),
        (("data.val_size=0",), "data.val_size must be above 0"),
        (("data=separable", "model=rosenblatt", "data.val_size=20", "optimizer=sgd"), "models that learn by gradients"),
        (("data=none", "model=function_descent"), "data must have samples for task=bias_variance"),
        (("data=polynomial", "data.degree=0"), "data.degree must be a whole number of at least 1; got 0"),
    ],
)
def test_bad_input_gets_a_message(arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in str(call(monkeypatch, "task=bias_variance", "trainer.max_epochs=1", *arguments))


def test_a_diverged_training_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("task=bias_variance", "optimizer=sgd", "optimizer.lr=1e20", "resampling.copies=3", "trainer.max_epochs=3")
    assert call(monkeypatch, *line) == 1
    out, err = capsys.readouterr()
    assert "diverged: 3 of 3 models, one of them at step" in out
    assert "Traceback" not in err
    (folder,) = Path("outputs/default").iterdir()
    assert json.loads((folder / "metrics.json").read_text())["status"] == "diverged"


def test_the_experiment_draws_its_curves_and_prints_their_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short: tuple[Any, ...] = ("resampling.copies=4", "trainer.max_epochs=2", "data.degree=1,3")
    line = ("+experiment=bias_variance", "problem=bias_variance_polynomial", *short)
    assert call(monkeypatch, *line) is None
    (sweep,) = Path("outputs/sweeps/bias_variance").iterdir()
    assert "bias_variance" in drawn(sweep)
    printed = capsys.readouterr().out
    errors = [json.loads((sweep / str(n) / "metrics.json").read_text())["val/error"] for n in range(2)]
    assert f"linear regression on polynomial data: simplest (1) error {errors[0]:.4g}" in printed
    assert "sum and measured error are at most" in printed
