"""Settings that cannot hold for the data at hand are replaced by their like, and it is said."""

from omegaconf import DictConfig, open_dict

from gradexp.config import plain
from gradexp.data import AbstractDataModule
from gradexp.monitor import monitor_mode, needs_mode

DESCENT = "gradexp.models.FunctionDescent"
CLASSIFIER, REGRESSOR = "gradexp.models.MLPClassifier", "gradexp.models.MLPRegressor"


def mend(cfg: DictConfig, data: AbstractDataModule) -> list[str]:
    """Change `cfg` where `data` asks for it.

    - Real targets: the default model, a classifier, gives way to the regressor of the same layers.
    - No classes, no accuracy: the loss is monitored instead.
    - A descent on a function takes neither data nor penalties.
    - No validation part: the training metric is monitored instead.

    Returns:
        What was changed, a line each.
    """
    notes = []
    if cfg.model._target_ == CLASSIFIER and not data.classes:
        cfg.model._target_ = REGRESSOR
        with open_dict(cfg.model):
            for name in ("output_activation", "backward"):
                cfg.model.pop(name, None)
        notes.append("the targets are real numbers: the model is MLPRegressor, with the layers of MLPClassifier")
    is_descent = cfg.model._target_ == DESCENT
    if is_descent and data.num_features:
        notes.append(
            f"data has no effect on FunctionDescent, whose loss is its point's alone; got {type(data).__name__}"
        )
    if is_descent and (cfg.regularizer.l1 or cfg.regularizer.l2):
        notes.append("regularizer has no effect on FunctionDescent, which has no weights")
    if cfg.monitor.endswith("/accuracy") and (is_descent or not data.classes):
        cfg.monitor = cfg.monitor.replace("/accuracy", "/loss")
        notes.append(f"there is no accuracy: monitor is {cfg.monitor}")
    if data.val_size == 0 and cfg.monitor.startswith("val/"):
        cfg.monitor = cfg.monitor.replace("val/", "train/", 1)
        notes.append(f"data.val_size is 0, so there is no validation part: monitor is {cfg.monitor}")
    if cfg.task == "train" and cfg.monitor_mode is None:
        cfg.monitor_mode = monitor_mode(plain(cfg))
        if cfg.monitor_mode is None:
            raise ValueError(needs_mode(cfg.monitor))
    return notes
