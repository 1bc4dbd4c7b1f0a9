"""Every model as an ONNX file and as a program of torch.export, beside the module itself."""

from typing import Any

import pytest
import torch

from gradexp import models
from gradexp.app.exports.exported import Exported
from gradexp.app.exports.onnx_format import to_onnx
from gradexp.app.exports.torch_formats import to_program
from gradexp.app.pipeline import Pipeline
from gradexp.data import AbstractDataModule, Blobs, Diabetes

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("MLPClassifier", {"hidden": [4], "batch_norm": True, "dropout": 0.5, "activation": "gelu"}),
    "by hand": ("MLPClassifier", {"hidden": [4], "activation": "sigmoid", "backward": "by_hand"}),
    "log-softmax": ("MLPClassifier", {"hidden": [4], "output_activation": "log_softmax"}),
    "from scratch": ("MLPFromScratch", {"hidden": [4], "output_activation": "relu"}),
    "softmax": ("SoftmaxRegression", {}),
    "logistic": ("LogisticRegression", {}),
    "sigmoid": ("SigmoidUnits", {}),
    "rosenblatt": ("Rosenblatt", {}),
    "linear": ("LinearRegression", {}),
    "regressor": ("MLPRegressor", {"hidden": [4], "activation": "mish"}),
}
ONNX = ("mlp", "by hand", "rosenblatt")  # others are exported in the tests of the task; each takes a second of a core


def case(name: str) -> tuple[AbstractDataModule, Pipeline]:
    cls, arguments = MODELS[name]
    data: AbstractDataModule = Diabetes() if "regress" in name or name == "linear" else Blobs()
    data.setup("test")
    torch.manual_seed(0)
    sizes = {"in_features": data.num_features} | ({"num_classes": 2} if data.classes else {})
    return data, Pipeline(getattr(models, cls)(**sizes, **arguments), data)


def check(exported: Exported, pipeline: Pipeline, data: AbstractDataModule) -> None:
    for size in (1, 7, 50):
        raw = data.raw(data.raw_test, torch.arange(size))  # type: ignore[arg-type]
        with torch.no_grad():
            expected = pipeline(raw)
        torch.testing.assert_close(exported.run(raw), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_the_cases_are_all_models_that_take_samples() -> None:
    listed = {name for name in models.__all__ if not name.startswith("Abstract")}
    assert {cls for cls, _ in MODELS.values()} == listed - {"FunctionDescent"}


@pytest.mark.parametrize("name", MODELS)
def test_a_program_gives_what_the_module_gives(name: str) -> None:
    data, pipeline = case(name)
    raw = data.raw(data.raw_test, torch.arange(2))  # type: ignore[arg-type]
    check(to_program(pipeline, data, raw), pipeline, data)


@pytest.mark.parametrize("name", ONNX)
def test_an_onnx_file_gives_what_the_module_gives(name: str) -> None:
    data, pipeline = case(name)
    raw = data.raw(data.raw_test, torch.arange(2))  # type: ignore[arg-type]
    check(to_onnx(pipeline, pipeline.preprocessing, data, raw), pipeline, data)
