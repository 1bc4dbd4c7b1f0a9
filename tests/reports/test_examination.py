"""The predictions of a trained model, held against its own forward pass."""

import numpy as np
import torch
from torch import nn

from gradexp.data import Diabetes, Digits
from gradexp.models import LinearRegression, MLPClassifier
from gradexp.reports.examination import MOST_WRONG, examine, part_to_examine


def test_a_classifier_is_examined_on_the_held_out_samples_and_its_surest_errors_come_first() -> None:
    data = Digits(val_size=150, eval_batch_size=40)
    data.setup("fit")
    model = MLPClassifier(64, 10, hidden=[16], dropout=0.5).train()
    found = examine(model, data, "val")
    assert found is not None
    assert model.training, "the model stays as it was"
    inputs, targets = data.held_out()
    with torch.no_grad():
        expected = model.eval()(inputs).softmax(dim=1).numpy()
    np.testing.assert_allclose(found.outputs, expected, atol=1e-6)
    np.testing.assert_array_equal(found.targets, targets.numpy())
    confidence = np.where(expected.argmax(axis=1) == targets.numpy(), -1, expected.max(axis=1))
    assert found.worst == list(np.argsort(-confidence, kind="stable")[:MOST_WRONG])
    np.testing.assert_array_equal(found.inputs, inputs[found.worst].numpy())
    assert found.columns == {}, "images have none"
    assert data.sizes().keys() == {"train", "val"}, "the test part is not read"


def test_a_regression_is_examined_in_the_units_of_its_targets_and_of_its_features() -> None:
    data = Diabetes(val_size=60)
    data.setup("fit")
    model = LinearRegression(10)
    found = examine(model, data, "val")
    assert found is not None
    raw_inputs, raw_targets = data.load("train")[data._split(data.load("train"), list)[1]]
    np.testing.assert_allclose(found.targets, raw_targets.numpy(), rtol=1e-5)
    residuals = np.abs(found.outputs - found.targets)[:, 0]
    assert found.worst == list(np.argsort(-residuals)[:MOST_WRONG])
    np.testing.assert_allclose(found.columns["bmi"], raw_inputs[found.worst, 2].numpy(), rtol=1e-4)
    assert list(found.columns) == data.feature_names


def test_test_samples_are_those_of_a_run_that_measured_nothing_else() -> None:
    assert part_to_examine({"val/loss": 1.0, "test/loss": 1.0}) == "val"
    assert part_to_examine({"test/loss": 1.0, "seconds/test": 1.0}) == "test"
    assert part_to_examine({"train/loss": 1.0}) is None


def test_nothing_is_said_of_a_module_whose_outputs_are_unknown() -> None:
    import lightning

    class Foreign(lightning.pytorch.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(64, 10)

    assert examine(Foreign(), Digits(), "val") is None
