"""Blobs and Separable: where the points lie, and how far apart."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from gradexp.data import Blobs, Separable


@pytest.mark.parametrize(("num_classes", "num_features"), [(2, 2), (3, 2), (5, 4), (2, 10)])
def test_blobs_are_standard_normal_around_centres_on_a_circle(num_classes: int, num_features: int) -> None:
    each = 5000
    data = Blobs(num_classes, num_features, radius=3.0, num_samples=each * num_classes)
    inputs, targets = (tensor.double().numpy() for tensor in data.tensors("train"))
    assert inputs.shape == (each * num_classes, num_features)
    assert data.classes == [str(number) for number in range(num_classes)]
    for number in range(num_classes):
        cloud = inputs[targets == number]
        angle = 2 * math.pi * number / num_classes
        centre = np.zeros(num_features)
        centre[:2] = 3 * math.cos(angle), 3 * math.sin(angle)
        assert len(cloud) == each
        np.testing.assert_allclose(cloud.mean(0), centre, atol=5 / math.sqrt(each))
        np.testing.assert_allclose(np.cov(cloud.T), np.eye(num_features), atol=5 * math.sqrt(2 / each))


def test_blobs_of_one_feature_have_the_centres_first_coordinate() -> None:
    inputs, targets = (tensor.double().numpy() for tensor in Blobs(2, 1, radius=3.0, num_samples=4000).tensors("train"))
    for number, centre in ((0, 3), (1, -3)):
        assert inputs[targets == number].mean() == pytest.approx(centre, abs=5 / math.sqrt(2000))


def test_classes_of_blobs_differ_by_one_sample_at_most() -> None:
    _, targets = Blobs(3, num_samples=101).tensors("test")
    assert sorted(np.bincount(targets.numpy())) == [33, 34, 34]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("num_features", "margin"), [(1, 0.3), (2, 0.1), (2, 0.5), (5, 0.2)])
def test_separable_keeps_its_margin_over_both_parts(num_features: int, margin: float, seed: int) -> None:
    data = Separable(num_features, margin, num_samples=300, seed=seed)
    (inputs, targets), (further, more) = data.tensors("train"), data.tensors("test")
    x = np.concatenate([inputs.double().numpy(), further.double().numpy()])
    t = np.concatenate([targets.numpy(), more.numpy()])
    assert len(inputs) == len(further) == 300
    assert np.abs(x).max() <= 1
    assert set(t) == {0, 1}
    # No plane has a larger margin than a hard-margin support vector machine's, the true one included.
    machine = SVC(kernel="linear", C=1e8, tol=1e-6).fit(x, t)
    np.testing.assert_array_equal(machine.predict(x), t)
    distance = np.abs(machine.decision_function(x)).min() / np.linalg.norm(machine.coef_)
    assert distance >= margin * (1 - 1e-3)
    # And the gap is no wider than the points leave it by chance.
    if num_features <= 2:
        assert distance < margin + 0.1


def test_points_of_separable_fill_the_square_beside_the_gap() -> None:
    inputs, targets = Separable(margin=0.02, num_samples=5000).tensors("train")
    x = inputs.double().numpy()
    np.testing.assert_allclose(x.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(x.var(0), 1 / 3, rtol=0.05)
    assert 0.2 < targets.double().mean() < 0.8


@pytest.mark.parametrize(
    ("cls", "argument", "value"),
    [
        (Blobs, "num_classes", 1),
        (Blobs, "num_features", 0),
        (Blobs, "radius", -1.0),
        (Separable, "margin", 0.0),
        (Separable, "margin", 0.6),
        (Separable, "num_samples", 0),
    ],
)
def test_a_bad_argument_is_refused_by_its_name(cls: Any, argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must be .*; got "):
        cls(**{argument: value})
