"""Adapts settings that do not fit the data, and reports each change."""

from typing import Any

from omegaconf import DictConfig

from gradexp.building.trust import trusted_class
from gradexp.configuration.values import changed, plain
from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule
from gradexp.objective.monitor import monitor_mode, needs_mode

DESCENT = "gradexp.models.FunctionDescent"
CLASSIFIER, REGRESSOR = "gradexp.models.MLPClassifier", "gradexp.models.MLPRegressor"
NOTHING = {"_target_": None}
ITS_OWN = {
    "loss": NOTHING,
    "optimizer": NOTHING,
    "scheduler": NOTHING,
    "regularizer": {"l1": 0.0, "l2": 0.0, "proximal": False},
    "metrics": {},
}
OF_A_CLASSIFIER = ("output_activation", "backward")  # arguments that the regressor does not have


def adapt(cfg: DictConfig, data: AbstractDataModule) -> tuple[DictConfig, list[str]]:
    """The configuration that fits `data`; the given one stays as it is.

    - Real targets: the default model, a classifier, is replaced by the regressor of the same layers.
    - No classes, no accuracy: the loss is monitored instead.
    - A descent on a function takes neither data nor penalties.
    - No validation part: the training metric is monitored instead.
    - A module that is not ours makes its own loss, optimizer and schedule: the configuration names none.
    - `monitor_mode` is the metric's own, where none is asked for.

    Returns:
        The configuration to run with, and one line for each change.

    Raises:
        ValueError: Nothing says which way the monitored metric is better.
    """
    changes: dict[str, Any] = {}
    notes = []
    if cfg.model._target_ == CLASSIFIER and not data.classes:
        kept = {name: value for name, value in plain(cfg)["model"].items() if name not in OF_A_CLASSIFIER}
        changes["model"] = kept | {"_target_": REGRESSOR}
        notes.append("the targets are real numbers: the model is MLPRegressor, with the layers of MLPClassifier")
    model = trusted_class(cfg.model._target_, "model", cfg.trusted_packages)
    if not issubclass(model, AbstractModule):
        changes |= ITS_OWN
    is_descent = cfg.model._target_ == DESCENT
    if is_descent and data.num_features:
        notes.append(
            f"data has no effect on FunctionDescent, whose loss is its point's alone; got {type(data).__name__}"
        )
    if is_descent and (cfg.regularizer.l1 or cfg.regularizer.l2):
        notes.append("regularizer has no effect on FunctionDescent, which has no weights")
    monitor = cfg.monitor
    if monitor.endswith("/accuracy") and (is_descent or not data.classes):
        monitor = monitor.replace("/accuracy", "/loss")
        notes.append(f"there is no accuracy: monitor is {monitor}")
    if data.val_size == 0 and monitor.startswith("val/"):
        monitor = monitor.replace("val/", "train/", 1)
        notes.append(f"data.val_size is 0, so there is no validation part: monitor is {monitor}")
    if monitor != cfg.monitor:
        changes |= {"monitor": monitor, "monitor_mode": None}  # a mode that was typed is of the other metric
    adapted = changed(cfg, changes)
    mode = monitor_mode(plain(adapted))
    if mode is None and cfg.task == "train":
        raise ValueError(needs_mode(monitor, plain(cfg)["metrics"]))
    return changed(adapted, {"monitor_mode": mode}), notes
