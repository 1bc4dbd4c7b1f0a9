"""Calibration, held against scikit-learn and a plain loop."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from gradexp.reports.calibration import calibration


def test_the_diagram_and_its_error_equal_an_independent_computation() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(500, 4)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = np.where(random.random(500) < 0.6, probabilities.argmax(axis=1), random.integers(4, size=500))
    found = calibration(probabilities, targets, bins=10)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    accuracies, means = calibration_curve(right, confidence, n_bins=10)
    assert found.accuracy == pytest.approx(accuracies)
    assert found.confidence == pytest.approx(means)
    error = 0.0
    for number in range(10):
        inside = [n for n, one in enumerate(confidence) if number / 10 < one <= (number + 1) / 10]
        if inside:
            gap = abs(np.mean([right[n] for n in inside]) - np.mean([confidence[n] for n in inside]))
            error += len(inside) / 500 * gap
    assert found.error == pytest.approx(error)
    assert error > 0.05, "a case that tells something"
    assert sum(found.counts) == 500


def test_a_calibrated_model_has_no_error_and_a_sure_one_that_is_wrong_has_all() -> None:
    halves = np.full((4, 2), 0.5)
    assert calibration(halves, np.array([0, 0, 1, 1])).error == 0.0
    sure = np.array([[1.0, 0.0]] * 3)
    found = calibration(sure, np.array([1, 1, 1]))
    assert (found.error, found.confidence, found.accuracy, found.counts) == (1.0, [1.0], [0.0], [3])
