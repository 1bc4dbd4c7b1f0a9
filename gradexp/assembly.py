"""A configuration's data, model and trainer."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig
from rich.console import Console

from gradexp.callbacks import (
    AccuracyAndLoss,
    Checkpoints,
    ClassifierFigures,
    DecisionBoundary,
    DescentReport,
    Divergence,
    FitClock,
    LeastSquaresReport,
    LossCurve,
    ModelGraph,
    ParameterScalars,
    PerceptronBound,
    RegressionFigures,
    RichBar,
    StepSeed,
)
from gradexp.config import plain
from gradexp.construction import construct, trusted_class
from gradexp.data import AbstractDataModule
from gradexp.files import AtomicCheckpointIO
from gradexp.models import AbstractModule, AbstractRegressor
from gradexp.monitor import better
from gradexp.profiler import NoProfiler


class EventFiles(TensorBoardLogger):
    """Lightning's TensorBoard logger without its hparams.yaml: the checkpoint and .hydra/ have the configuration."""

    def save(self) -> None:
        self.experiment.flush()


def build_data(cfg: DictConfig) -> AbstractDataModule:
    """The data module that `data` describes."""
    offered = {"data_dir": cfg.data_dir, "seed": cfg.seed, "augmentation": plain(cfg).get("augmentation") or None}
    data: Any = _build(cfg, "data", LightningDataModule, offered)
    return data  # type: ignore[no-any-return]


def build_model(cfg: DictConfig, data: AbstractDataModule) -> AbstractModule:
    """The model that `model` describes, sized for `data`."""
    config = plain(cfg)
    offered = {
        "in_features": data.num_features,
        "num_classes": data.num_classes,
        "optimizer": config["optimizer"],
        "scheduler": config["scheduler"],
        "l1": cfg.regularizer.l1,
        "l2": cfg.regularizer.l2,
        "monitor": cfg.monitor,
    }
    model: Any = _build(cfg, "model", LightningModule, offered)
    if isinstance(model, AbstractRegressor) and data.classes:
        raise ValueError(
            f"model must be a classifier for {type(data).__name__}, whose targets are {data.num_classes} classes; got "
            f"{type(model).__name__}. Classifiers: model=mlp_classifier, softmax_regression, logistic_regression."
        )
    return model  # type: ignore[no-any-return]


def build_trainer(
    cfg: DictConfig, folder: Path, classes: list[str], console: Console, purge_step: int | None
) -> Trainer:
    """The trainer that `trainer` describes, with our callbacks; TensorBoard below `folder`.

    Args:
        cfg: The configuration.
        folder: The run's folder.
        classes: Names of the classes, for figures.
        console: Where the progress bar is drawn.
        purge_step: A resumed run's first step: what an earlier, killed process logged from it on is superseded.
    """
    logger = EventFiles(folder, name="tensorboard", version="", default_hp_metric=False, purge_step=purge_step)
    show_progress = bool(cfg.progress and console.is_terminal)
    callbacks: list[Callback] = [Divergence(cfg.trainer.log_every_n_steps), FitClock()]
    if cfg.early_stopping.patience is not None:
        callbacks.append(
            EarlyStopping(
                cfg.monitor,
                patience=cfg.early_stopping.patience,
                min_delta=cfg.early_stopping.min_delta,
                mode=better(cfg.monitor),
                check_on_train_epoch_end=cfg.monitor.startswith("train/"),
            )
        )
    # Each applies where it can: to a kind of model, or of data.
    callbacks += [
        LossCurve(cfg.figures),
        ParameterScalars(),
        LeastSquaresReport(cfg.figures),
        AccuracyAndLoss(cfg.figures),
        PerceptronBound(),
        DescentReport(console if show_progress else Console(quiet=True), cfg.figures),
    ]
    if cfg.figures:
        callbacks += [ModelGraph(), DecisionBoundary(classes), ClassifierFigures(classes), RegressionFigures()]
    if show_progress:
        callbacks.append(RichBar(console))
    for name, given in plain(cfg)["callbacks"].items():
        callbacks.append(_build_callback(cfg, f"callbacks.{name}", given, callbacks))
    callbacks += [StepSeed(cfg.seed), Checkpoints(folder / "checkpoints", cfg.monitor, plain(cfg))]
    given = plain(cfg)["trainer"]
    ours = {
        "default_root_dir": folder,
        "logger": logger,
        "callbacks": callbacks,
        "plugins": [AtomicCheckpointIO()],
        "profiler": NoProfiler(),
        "enable_progress_bar": show_progress,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
    }
    for name in given.keys() & ours.keys():
        raise ValueError(f"trainer.{name} is set by gradexp and cannot be given; got {given[name]!r}.")
    return construct(Trainer, "trainer", given, ours)


def _build_callback(cfg: DictConfig, key: str, given: Any, others: list[Callback]) -> Callback:
    if not isinstance(given, dict) or "_target_" not in given:
        raise ValueError(f"{key} must be a callback's class and arguments, {key}._target_=CLASS; got {given!r}.")
    arguments = {name: value for name, value in given.items() if name != "_target_"}
    cls: Any = trusted_class(given["_target_"], Callback, cfg.trusted_packages, f"{key}._target_")
    if any(type(other) is cls for other in others):
        raise ValueError(f"{key}._target_ must be a callback that the run has not already; got {given['_target_']}.")
    callback: Callback = construct(cls, key, arguments, {})
    return callback


def _build(cfg: DictConfig, key: str, base: type, offered: Mapping[str, Any]) -> Any:
    given = plain(cfg)[key]
    cls: Any = trusted_class(given.pop("_target_"), base, cfg.trusted_packages, f"{key}._target_")
    if offered.get("in_features") == 0 and "in_features" in inspect.signature(cls).parameters:
        raise ValueError(
            f"model must be one without features for this data, which has none; got {cls.__name__}. "
            "There is model=function_descent."
        )
    if offered.get("num_classes") == 0 and "num_classes" in inspect.signature(cls).parameters:
        raise ValueError(
            f"model must predict numbers for this data, whose targets are no classes; got {cls.__name__}. "
            "Models that do: model=linear_regression, mlp_regressor."
        )
    return construct(cls, key, given, offered)
