"""A configuration's callbacks: those of every run, those for its model and data, and the user's own."""

import sys
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelPruning
from omegaconf import DictConfig
from rich.console import Console

from gradexp.building.construct import constructed
from gradexp.building.trust import trusted_class
from gradexp.callbacks import Divergence, LossCurve, ModelGraph, ParameterScalars, RichBar, TimeToTarget
from gradexp.configuration.values import plain
from gradexp.data import AbstractDataModule, ImageDataModule
from gradexp.engine.checkpoints import Checkpoints, SaveBeforeAverages
from gradexp.engine.event_files import SaveEventSizes
from gradexp.engine.fit_clock import FitClock
from gradexp.engine.pruning import SaveMasks
from gradexp.engine.step_seed import StepSeed
from gradexp.engine.threads import Threads
from gradexp.engine.thresholds import ThresholdStopping
from gradexp.models import AbstractModule, FunctionDescent, LinearRegression, LogisticRegression, Rosenblatt
from gradexp.objective.monitor import Mode
from gradexp.reports import (
    AccuracyAndLoss,
    ClassifierFigures,
    DecisionBoundary,
    DescentReport,
    LeastSquaresReport,
    PerceptronBound,
    RegressionFigures,
)

DEFAULT_MONITOR = "val/accuracy"
# The metric that selects the best epoch of a module that is not ours and does not log the default.
FALLBACKS: dict[str, Mode] = {"val/loss": "min", "val_loss": "min"}


def build_callbacks(
    cfg: DictConfig, folder: Path, data: AbstractDataModule, model: LightningModule, console: Console | None
) -> list[Callback]:
    """The callbacks of a run. Only callbacks that apply: an idle one costs 0.01 ms a step.

    Args:
        cfg: The configuration.
        folder: The run's folder.
        data: The data module.
        model: The module to train.
        console: Where progress is drawn; None to draw none.
    """
    clock = FitClock()
    callbacks: list[Callback] = [Threads(cfg.threads), Divergence(cfg.trainer.log_every_n_steps), clock]
    if cfg.target_score is not None:
        callbacks.append(TimeToTarget(cfg.monitor, cfg.monitor_mode, cfg.target_score, clock))
    stopping = early_stopping(cfg)
    callbacks += [stopping] if stopping is not None else []
    callbacks += _reports(cfg.figures, model, console)
    if cfg.figures and isinstance(model, AbstractModule):  # the outputs of other modules are unknown
        callbacks += _figures(data, model)
    if console is not None:
        callbacks.append(RichBar(console))
    for name, section in plain(cfg.callbacks).items():
        callbacks.append(_configured(cfg, f"callbacks.{name}", section, callbacks))
    checkpoints = Checkpoints(
        folder / "checkpoints",
        cfg.monitor,
        cfg.monitor_mode,
        plain(cfg),
        None if isinstance(model, AbstractModule) or cfg.monitor != DEFAULT_MONITOR else FALLBACKS,
    )
    masks = [SaveMasks()] if any(isinstance(callback, ModelPruning) for callback in callbacks) else []
    return [SaveBeforeAverages(checkpoints), *masks, *callbacks, SaveEventSizes(), StepSeed(cfg.seed), checkpoints]


def early_stopping(cfg: DictConfig) -> EarlyStopping | None:
    """The callback that ends a fit early; None if the configuration asks for none."""
    asked = cfg.early_stopping
    if asked.patience is None and not asked.thresholds:
        return None
    options: dict[str, Any] = {
        "patience": sys.maxsize if asked.patience is None else asked.patience,
        "min_delta": asked.min_delta,
        "mode": cfg.monitor_mode,
        "check_on_train_epoch_end": cfg.monitor.startswith("train/"),
    }
    if asked.thresholds:
        return ThresholdStopping(cfg.monitor, list(asked.thresholds), **options)
    return EarlyStopping(cfg.monitor, **options)


def _reports(draw: bool, model: LightningModule, console: Console | None) -> list[Callback]:
    """The reports for this kind of model."""
    scalars: list[Callback] = [ParameterScalars()] if ParameterScalars.applies(model) else []
    if isinstance(model, LinearRegression):
        return [*scalars, LeastSquaresReport(draw)]
    if isinstance(model, LogisticRegression):
        return [*scalars, AccuracyAndLoss(draw)]
    if isinstance(model, Rosenblatt):
        return [*scalars, PerceptronBound()]
    if isinstance(model, FunctionDescent):
        return [*scalars, DescentReport(console or Console(quiet=True), draw)]
    return scalars


def _figures(data: AbstractDataModule, model: AbstractModule) -> list[Callback]:
    """The figures for any model on this kind of data; a descent on a function uses none."""
    if not data.classes or isinstance(model, FunctionDescent):
        return [LossCurve(), ModelGraph(), RegressionFigures()]
    boundary = [] if isinstance(data, ImageDataModule) else [DecisionBoundary(data.classes)]
    return [LossCurve(), ModelGraph(), *boundary, ClassifierFigures(data.classes)]


def _configured(cfg: DictConfig, key: str, section: Any, others: list[Callback]) -> Callback:
    """The callback that the user configured under `key`."""
    if not isinstance(section, dict) or "_target_" not in section:
        raise ValueError(f"{key} must be a callback's class and arguments, {key}._target_=CLASS; got {section!r}.")
    arguments = {name: value for name, value in section.items() if name != "_target_"}
    cls: Any = trusted_class(section["_target_"], "callbacks", cfg.trusted_packages, f"{key}._target_")
    if any(type(other) is cls for other in others):
        # Lightning stores a callback's state under its class name, so a second one needs another class.
        cls = type(cls.__name__, (cls,), {"state_key": property(lambda self: f"{cls.__qualname__}/{key}")})
    callback: Callback = constructed(cls, key, arguments, {})
    return callback
