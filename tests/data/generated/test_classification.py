"""The distributions of Blobs and Separable."""

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


def test_blobs_with_one_feature_use_the_first_coordinate_of_the_centres() -> None:
    inputs, targets = (tensor.double().numpy() for tensor in Blobs(2, 1, radius=3.0, num_samples=4000).tensors("train"))
    for number, centre in ((0, 3), (1, -3)):
        assert inputs[targets == number].mean() == pytest.approx(centre, abs=5 / math.sqrt(2000))


def test_class_sizes_of_blobs_differ_by_at_most_one() -> None:
    _, targets = Blobs(3, num_samples=101).tensors("test")
    assert sorted(np.bincount(targets.numpy())) == [33, 34, 34]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("num_features", "margin"), [(1, 0.3), (2, 0.1), (2, 0.5), (5, 0.2)])
def test_separable_has_its_margin_in_both_parts_together(num_features: int, margin: float, seed: int) -> None:
    data = Separable(num_features, margin, num_samples=300, seed=seed)
    (train_inputs, train_targets), (test_inputs, test_targets) = data.tensors("train"), data.tensors("test")
    x = np.concatenate([train_inputs.double().numpy(), test_inputs.double().numpy()])
    t = np.concatenate([train_targets.numpy(), test_targets.numpy()])
    assert len(train_inputs) == len(test_inputs) == 300
    assert np.abs(x).max() <= 1
    assert set(t) == {0, 1}
    # A hard-margin support vector machine has the largest margin of all planes, including the true one.
    svm = SVC(kernel="linear", C=1e8, tol=1e-6).fit(x, t)
    np.testing.assert_array_equal(svm.predict(x), t)
    distance = np.abs(svm.decision_function(x)).min() / np.linalg.norm(svm.coef_)
    assert distance >= margin * (1 - 1e-3)
    # In few dimensions, some points lie close to the margin.
    if num_features <= 2:
        assert distance < margin + 0.1


def test_points_of_separable_are_uniform_outside_the_margin() -> None:
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
def test_invalid_arguments_raise_with_their_name(cls: Any, argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} must be .*; got "):
        cls(**{argument: value})
