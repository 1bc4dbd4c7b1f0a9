"""The digits that scikit-learn ships."""

import numpy as np
from sklearn.datasets import load_digits

from gradexp.data import Digits


def test_training_and_test_part_make_up_scikit_learn_s_digits() -> None:
    bunch = load_digits()
    train, test = Digits().load("train"), Digits().load("test")
    assert (len(train), len(test)) == (1438, 359)
    # Every fifth image is the test's, the others keep their order.
    in_test = np.arange(1797) % 5 == 4
    for part, own in ((train, ~in_test), (test, in_test)):
        np.testing.assert_array_equal(part.images[:, 0].numpy(), bunch.images[own])
        np.testing.assert_array_equal(part.targets.numpy(), bunch.target[own])


def test_the_default_split_has_200_validation_images() -> None:
    module = Digits()
    module.setup("fit")
    module.setup("test")
    assert module.sizes() == {"train": 1238, "val": 200, "test": 359}
    inputs, targets = next(iter(module.train_dataloader()))
    assert inputs.shape == (32, 1, 8, 8)
    assert module.num_features == 64
    assert module.num_classes == 10
    assert int(targets.max()) <= 9
