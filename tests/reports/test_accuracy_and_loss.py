"""AccuracyAndLoss against NumPy: accuracy is constant between jumps, the loss is not."""

import math

import numpy as np
import pytest

from gradexp import Result, run
from gradexp.data import Blobs
from tests.callbacks.drawing import Calls, assert_drawn_and_shown, record
from tests.run_folder import checkpoint

SHORT = ("+experiment=logistic_regression", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Calls]:
    """A logistic regression on two clouds, and its figures."""
    with pytest.MonkeyPatch.context() as patch:
        calls = record(patch, quick=False)
        folder = tmp_path_factory.mktemp("runs") / "blobs"
        return run(*SHORT, "data=blobs", "data.val_size=0", "data.repeat=5", f"hydra.run.dir={folder}"), calls


def test_accuracy_and_loss_of_one_sample_before_and_after_a_step(blobs: tuple[Result, Calls]) -> None:
    (call,) = blobs[1]["accuracy_and_loss"]
    assert set(call["moves"]) == {(0.4, 0.45), (0.499, 0.501)}
    for (before, after), losses in call["moves"].items():
        assert losses == (-math.log(before), -math.log(after))
    said = "\n".join(blobs[0].notes)
    assert "0.4 -> 0.45: accuracy 0 -> 0, loss 0.9163 -> 0.7985" in said
    assert "0.499 -> 0.501: accuracy 0 -> 1, loss 0.6951 -> 0.6911" in said


def test_accuracy_and_loss_along_the_largest_weight_equal_numpys(blobs: tuple[Result, Calls]) -> None:
    result, calls = blobs
    (call,) = calls["accuracy_and_loss"]
    state = checkpoint(result.folder)["state_dict"]
    weight, bias = state["network.weight"][0].double().numpy(), state["network.bias"].item()
    largest = int(np.abs(weight).argmax())
    assert call["weight_name"] == f"weight {largest + 1}"
    assert call["learned"] == pytest.approx(weight[largest])
    inputs, targets = (tensor.double().numpy() for tensor in Blobs(val_size=0).tensors("train"))
    places = call["weights"].astype(float)
    assert places[0] < weight[largest] < places[-1]
    accuracy, loss = [], []
    for place in places:
        moved = weight.copy()
        moved[largest] = place
        logits = inputs @ moved + bias
        accuracy.append(np.mean((logits > 0) == targets))
        loss.append(np.mean(np.logaddexp(0, logits) - targets * logits))
    np.testing.assert_allclose(call["accuracy"], accuracy, atol=1.5 / len(targets))  # a logit may round to zero
    np.testing.assert_allclose(call["loss"], loss, rtol=1e-5)
    flat = np.mean(np.diff(accuracy) == 0)
    assert result.metrics["accuracy/flat_share"] == pytest.approx(flat, abs=0.01)
    said = f"is constant on {result.metrics['accuracy/flat_share']:.0%} of 800 small steps"
    assert any(said in note for note in result.notes)
    assert flat > 0.5
    assert np.mean(np.diff(loss) == 0) == 0


def test_a_classifier_of_two_features_has_these_figures(blobs: tuple[Result, Calls]) -> None:
    names = ("accuracy_and_loss", "decision_boundary", "loss_curve", "test_confusion_matrix")
    assert_drawn_and_shown(blobs[0].folder, *names)


def test_the_largest_of_thirty_weights_is_varied(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*SHORT)
    (call,) = calls["accuracy_and_loss"]
    weight = checkpoint(result.folder)["state_dict"]["network.weight"][0]
    assert call["learned"] == weight[weight.abs().argmax()].item()
    at_learned = np.interp(call["learned"], call["weights"], call["loss"])
    assert at_learned < call["loss"][[0, -1]].min()
    assert 0.5 < result.metrics["accuracy/flat_share"] < 1


def test_other_models_have_no_such_report(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run("+experiment=perceptron", "trainer.max_epochs=1")
    assert not calls["accuracy_and_loss"]
    assert "accuracy/flat_share" not in result.metrics


def test_a_run_without_figures_keeps_its_numbers() -> None:
    result = run(*SHORT, "data.repeat=5", "figures=false")
    assert "accuracy/flat_share" in result.metrics
    assert not (result.folder / "figures").exists()
