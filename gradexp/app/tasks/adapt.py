"""Adapts settings that do not fit the data, and reports each change; refuses a monitor that the model does not log."""

from typing import Any

from lightning.pytorch import LightningModule
from omegaconf import DictConfig

from gradexp.building.trust import trusted_class
from gradexp.configuration.values import changed, plain
from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule
from gradexp.objective.monitor import monitor_mode, needs_mode
from gradexp.rules import did_you_mean

DESCENT = "gradexp.models.FunctionDescent"
CLASSIFIER, REGRESSOR = "gradexp.models.MLPClassifier", "gradexp.models.MLPRegressor"
CLASSIFIER_ONLY = ("output_activation", "backward")  # arguments that the regressor lacks
# The sections that a module which is not ours configures itself.
UNUSED_SECTIONS = {
    "loss": {"_target_": None},
    "optimizer": {"_target_": None},
    "scheduler": {"_target_": None},
    "regularizer": {"l1": 0.0, "l2": 0.0, "proximal": False},
    "metrics": {},
}


def adapt(cfg: DictConfig, data: AbstractDataModule) -> tuple[DictConfig, list[str]]:
    """A configuration that fits `data`; the given one is left untouched.

    - Real targets: MLPRegressor replaces the default model, MLPClassifier, and keeps its layers.
    - Data without classes has no accuracy: the loss is monitored instead.
    - A descent on a function uses neither data nor penalties.
    - No validation part: the training metric is monitored instead.
    - A module that is not ours has its own loss, optimizer and schedule: those sections are emptied.
    - If `monitor_mode` is null, the metric determines it.

    Returns:
        The configuration to run, and one note for each change.

    Raises:
        ValueError: It is unknown whether higher or lower values of the monitored metric are better.
    """
    changes: dict[str, Any] = {}
    notes = []
    if cfg.model._target_ == CLASSIFIER and not data.classes:
        kept = {name: value for name, value in plain(cfg.model).items() if name not in CLASSIFIER_ONLY}
        changes["model"] = kept | {"_target_": REGRESSOR}
        notes.append("the targets are real numbers, so the model is MLPRegressor with the layers of MLPClassifier")
    model = trusted_class(cfg.model._target_, "model", cfg.trusted_packages)
    if not issubclass(model, AbstractModule):
        changes |= UNUSED_SECTIONS
    is_descent = cfg.model._target_ == DESCENT
    if is_descent and data.num_features:
        notes.append(f"data has no effect on FunctionDescent, which descends a function; got {type(data).__name__}")
    if is_descent and (cfg.regularizer.l1 or cfg.regularizer.l2):
        notes.append("regularizer has no effect on FunctionDescent, which has no weights")
    monitor = cfg.monitor
    if monitor.endswith("/accuracy") and (is_descent or not data.classes):
        monitor = monitor.replace("/accuracy", "/loss")
        notes.append(f"there is no accuracy, so monitor is {monitor}")
    if not data.holds_out and monitor.startswith("val/"):
        monitor = monitor.replace("val/", "train/", 1)
        notes.append(f"data.val_size is 0, so monitor is {monitor}")
    if monitor != cfg.monitor:
        changes |= {"monitor": monitor, "monitor_mode": None}  # a typed mode was meant for the other metric
    asked = plain(cfg)
    mode = monitor_mode(asked | changes)
    if mode is None and cfg.task == "train":
        raise ValueError(needs_mode(monitor, asked["metrics"]))
    return changed(cfg, changes | {"monitor_mode": mode}), notes


def check_monitor(cfg: DictConfig, model: LightningModule) -> None:
    """Check before the first step that a model of ours logs the monitor; with further callbacks this is unknown."""
    if isinstance(model, AbstractModule) and not cfg.callbacks:
        known = model.names_in(cfg.monitor.partition("/")[0])
        if cfg.monitor not in known:
            raise ValueError(
                f"monitor must be one of {', '.join(known)}; got {cfg.monitor!r}.{did_you_mean(cfg.monitor, known)}"
            )
