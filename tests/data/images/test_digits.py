"""scikit-learn's digits."""

import numpy as np
from sklearn.datasets import load_digits

from gradexp.data import Digits


def test_parts_together_are_the_digits_of_scikit_learn() -> None:
    bunch = load_digits()
    train, test = Digits().load("train"), Digits().load("test")
    assert (len(train), len(test)) == (1438, 359)
    # Every fifth image is a test image; the others keep their order.
    in_test = np.arange(1797) % 5 == 4
    for part, in_part in ((train, ~in_test), (test, in_test)):
        np.testing.assert_array_equal(part.images[:, 0].numpy(), bunch.images[in_part])
        np.testing.assert_array_equal(part.targets.numpy(), bunch.target[in_part])


def test_default_split_has_200_validation_images() -> None:
    module = Digits()
    module.setup("fit")
    module.setup("test")
    assert module.sizes() == {"train": 1238, "val": 200, "test": 359}
    inputs, targets = next(iter(module.train_dataloader()))
    assert inputs.shape == (32, 1, 8, 8)
    assert module.num_features == 64
    assert module.num_classes == 10
    assert int(targets.max()) <= 9
