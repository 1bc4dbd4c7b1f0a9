"""Which losses fit which model, and small models and batches to try them on."""

from typing import Any

import torch
from omegaconf import OmegaConf

import gradexp.models
from gradexp.configuration.files import CONF_DIR
from gradexp.data import BatchLoader, BatchOrder, TensorSource
from gradexp.models import AbstractModule

CLASSES = 3

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


def section(option: str) -> dict[str, Any]:
    loaded: Any = OmegaConf.to_container(OmegaConf.load(CONF_DIR / "loss" / f"{option}.yaml"))
    return dict(loaded)


def made(name: str, loss: Any = None, **arguments: Any) -> AbstractModule:
    """The model for two features, of three classes where it takes so many."""
    torch.manual_seed(0)
    own: dict[str, Any] = {"surface": "himmelblau"} if name == "FunctionDescent" else {"in_features": 2}
    if name in ("MLPClassifier", "MLPFromScratch", "SoftmaxRegression", "SigmoidUnits"):
        own["num_classes"] = CLASSES
    own |= {"hidden": [5]} if name.startswith("MLP") else {}
    built: AbstractModule = getattr(gradexp.models, name)(**(own | {"loss": loss} | arguments))
    return built


def batches_for(model: AbstractModule) -> BatchLoader:
    """Three batches of the last, smaller one."""
    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(14, 2, generator=generator)
    targets = torch.arange(14) % model.hparams.get("num_classes", 2)
    if isinstance(model, gradexp.models.AbstractRegressor):
        return BatchLoader(TensorSource(inputs, inputs.sum(1, keepdim=True)), BatchOrder(14, 6))
    return BatchLoader(TensorSource(inputs, targets), BatchOrder(14, 6))
