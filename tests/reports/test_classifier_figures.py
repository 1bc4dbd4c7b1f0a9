"""The figures of ModelGraph and ClassifierFigures in TensorBoard's event file."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from gradexp import Digits, MLPClassifier, figures
from gradexp.callbacks import ModelGraph
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.reports import ClassifierFigures

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.trace")  # torch traces the graph for TensorBoard

QUIET: dict[str, Any] = {"enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
QUIET |= {"accelerator": "cpu", "log_every_n_steps": 1}
STEPS = 40
CLASSES = [str(digit) for digit in range(10)]


def events(folder: Path) -> Any:
    accumulator: Any = EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0})
    return accumulator.Reload()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, np.ndarray, np.ndarray]:
    """Events of a short fit and a test, probabilities of the test part, and its classes."""
    folder = tmp_path_factory.mktemp("events")
    torch.manual_seed(0)
    model = MLPClassifier(64, 10, hidden=(20,), optimizer={"_target_": "torch.optim.Adam", "lr": 0.01})
    data = Digits(eval_batch_size=100)
    logger = TensorBoardLogger(folder, name="", version="")
    watching = [ModelGraph(), ClassifierFigures(CLASSES)]
    trainer = Trainer(max_steps=STEPS, logger=logger, callbacks=watching, default_root_dir=folder, **QUIET)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    logger.experiment.flush()
    probabilities = trainer.predict(model, data)
    assert probabilities is not None
    targets = torch.cat([batch[1] for batch in data.test_dataloader()])
    return events(folder), torch.cat(probabilities).numpy(), targets.numpy()  # type: ignore[arg-type]


def test_every_figure_is_logged_at_its_step(run: tuple[Any, np.ndarray, np.ndarray]) -> None:
    log = run[0]
    steps = {tag: [image.step for image in log.Images(tag)] for tag in log.Tags()["images"]}
    names = ("test/confusion_matrix", "test/most_wrong", "weights/first_layer")
    assert steps == {"figures/samples": [0]} | {f"figures/{name}": [STEPS] for name in names}


def test_the_graph_has_the_layers_of_the_network(run: tuple[Any, np.ndarray, np.ndarray]) -> None:
    assert run[0].Tags()["graph"]
    nodes = {node.name for node in run[0].Graph().node}
    for layer in ("linear_1", "relu_1", "output"):
        assert any(f"[{layer}]" in name for name in nodes), layer


def test_the_precision_recall_curves_are_those_of_the_test_part(run: tuple[Any, np.ndarray, np.ndarray]) -> None:
    log, probabilities, targets = run
    tags = [tag for tag in log.Tags()["tensors"] if tag.startswith("test/precision_recall/")]
    assert sorted(tags) == [f"test/precision_recall/{name}" for name in CLASSES]
    for number, name in enumerate(CLASSES):
        (event,) = log.Tensors(f"test/precision_recall/{name}")
        true_positives, false_positives, *_ = make_ndarray(event.tensor_proto)
        is_class = targets == number
        # The curve starts at threshold 0, where every sample is positive; a tenth along it the threshold is about 0.1.
        assert (true_positives[0], false_positives[0]) == (is_class.sum(), (~is_class).sum())
        tenth = len(true_positives) // 10
        positive = np.floor(probabilities[:, number] * (len(true_positives) - 1)) >= tenth
        assert true_positives[tenth] == (positive & is_class).sum() > 0
        assert false_positives[tenth] == (positive & ~is_class).sum()


def test_the_confusion_matrix_the_images_and_the_weights_equal_numpys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}

    def note(name: str, draw: Any, *arguments: Any) -> Any:
        drawn[name] = arguments
        return draw(*arguments)

    for name in ("confusion_matrix", "image_grid", "weight_images"):
        monkeypatch.setattr(figures, name, partial(note, name, getattr(figures, name)))
    torch.manual_seed(1)
    model = MLPClassifier(4, 3, hidden=())
    inputs, targets = torch.randn(23, 1, 2, 2), torch.randint(3, (23,))
    trainer = Trainer(logger=TensorBoardLogger(tmp_path), callbacks=[ClassifierFigures(["a", "b", "c"])], **QUIET)
    trainer.test(model, BatchLoader(TensorSource(inputs, targets), BatchOrder(23, 10)), verbose=False)

    weight, bias = (parameter.detach().double().numpy() for parameter in model.parameters())
    logits = inputs.double().numpy().reshape(23, 4) @ weight.T + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted, true = probabilities.argmax(axis=1), targets.numpy()
    counts = np.array([[np.sum((true == row) & (predicted == column)) for column in range(3)] for row in range(3)])
    np.testing.assert_array_equal(drawn["confusion_matrix"][0], counts)
    np.testing.assert_allclose(drawn["weight_images"][0], weight, rtol=1e-6)
    wrong = np.nonzero(predicted != true)[0]
    most = wrong[np.argsort(-probabilities[wrong, predicted[wrong]])]
    assert 0 < len(most) < 23
    images, titles = drawn["image_grid"][:2]
    np.testing.assert_allclose(images, inputs.numpy()[most])
    names = np.array(["a", "b", "c"])
    expected = [f"{names[predicted[n]]} {probabilities[n, predicted[n]]:.0%}\nis {names[true[n]]}" for n in most]
    assert list(titles) == expected


def test_features_without_tensorboard_work() -> None:
    features = TensorSource(torch.randn(20, 6), torch.randint(3, (20,)))
    trainer = Trainer(max_epochs=1, logger=False, callbacks=[ModelGraph(), ClassifierFigures(["a", "b", "c"])], **QUIET)
    model = MLPClassifier(6, 3)
    trainer.fit(model, BatchLoader(features, BatchOrder(20, 5)), BatchLoader(features, BatchOrder(20, 5)))
    trainer.test(model, BatchLoader(features, BatchOrder(20, 5)), verbose=False)
    assert {"test/loss", "test/accuracy"} <= trainer.callback_metrics.keys()
