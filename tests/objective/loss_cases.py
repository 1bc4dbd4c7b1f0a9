"""Which losses fit which models, with models and batches for the tests."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import gradexp.models
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule
from tests.options import option, options

Array = npt.NDArray[np.float64]
SAMPLES, CLASSES = 23, 3
WEIGHTS = [0.5, 2.0, 1.5]


def sample_weights(classes: Tensor, weights: list[float]) -> Array:
    chosen: Array = np.array(weights)[classes.numpy()]
    return chosen


OPTIONS = options("loss")
FITS: dict[str, set[str]] = {
    "FunctionDescent": {"default"},
    "LinearRegression": {"default", "mse", "l1", "huber"},
    "LogisticRegression": {"default", "bce", "hinge"},
    "MLPClassifier": {"default", "cross_entropy", "hinge"},
    "MLPFromScratch": {"default", "cross_entropy", "hinge"},
    "MLPRegressor": {"default", "mse", "l1", "huber"},
    "Rosenblatt": {"default"},
    "SigmoidUnits": {"default", "bce", "mse", "l1", "huber"},
    "SoftmaxRegression": {"default", "cross_entropy", "hinge"},
}


def section(name: str) -> dict[str, Any]:
    return option("loss", name)


def made(name: str, loss: Any = None, **arguments: Any) -> AbstractModule:
    """The model for two features, with three classes if it takes more than two."""
    torch.manual_seed(0)
    defaults: dict[str, Any] = {"surface": "himmelblau"} if name == "FunctionDescent" else {"in_features": 2}
    if name in ("MLPClassifier", "MLPFromScratch", "SoftmaxRegression", "SigmoidUnits"):
        defaults["num_classes"] = CLASSES
    defaults |= {"hidden": [5]} if name.startswith("MLP") else {}
    model: AbstractModule = getattr(gradexp.models, name)(**(defaults | {"loss": loss} | arguments))
    return model


def batches_for(model: AbstractModule) -> BatchLoader:
    """Three batches, of 6, 6 and 2 samples."""
    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(14, 2, generator=generator)
    targets = torch.arange(14) % model.hparams.get("num_classes", 2)
    if isinstance(model, gradexp.models.AbstractRegressor):
        return BatchLoader(TensorSource(inputs, inputs.sum(1, keepdim=True)), BatchOrder(14, 6))
    return BatchLoader(TensorSource(inputs, targets), BatchOrder(14, 6))
