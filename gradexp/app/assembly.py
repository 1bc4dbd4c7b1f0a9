"""Builds the data module, the model and the trainer of a configuration."""

import re
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.callback_list import build_callbacks
from gradexp.arguments import arguments_of
from gradexp.building.construct import construct, constructed
from gradexp.building.trust import trusted_class
from gradexp.configuration.values import plain
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoint_file import AtomicCheckpointIO
from gradexp.engine.event_files import EventFiles
from gradexp.engine.lightning_internals import drop_slow_cuda_check, list_packages_once
from gradexp.engine.low_overhead import NoProfiler, QuickPrecision
from gradexp.engine.step_callback import takes_steps
from gradexp.interrupts import stop_first
from gradexp.models import AbstractModule, AbstractRegressor
from gradexp.objective.objective import ObjectiveOptions
from gradexp.sweeps.launch.resources import NO_DEVICE
from gradexp.sweeps.plan.run_name import event_folder_of_job


def build_data(cfg: DictConfig) -> AbstractDataModule:
    """The data module that `data` describes."""
    config = plain(cfg)
    given = config["data"]
    cls: Any = trusted_class(given.pop("_target_"), "data", cfg.trusted_packages)
    augmentation = config.get("augmentation") or None
    if augmentation and "augmentation" not in arguments_of(cls):
        raise ValueError(
            f"augmentation must be none for {cls.__name__}, which has no augmentation; got {augmentation}."
        )
    offered = {"data_dir": cfg.data_dir, "seed": cfg.seed, "augmentation": augmentation}
    data: Any = construct(cls, "data", given, offered)
    return data  # type: ignore[no-any-return]


def build_model(cfg: DictConfig, data: AbstractDataModule) -> AbstractModule:
    """The model that `model` describes, sized for `data`.

    Our models take loss, optimizer, schedule, penalties and metrics from the configuration; any other LightningModule
    defines its own.
    """
    config = plain(cfg)
    given = config["model"]
    cls: Any = trusted_class(given.pop("_target_"), "model", cfg.trusted_packages)
    offered: dict[str, Any] = {"in_features": data.num_features, "num_classes": data.num_classes}
    if issubclass(cls, AbstractModule):
        _check_fits(cls, data)
        offered |= objective_options(config)
    elif not data.num_classes:
        del offered["num_classes"]
    # Most errors in a user's class come from an argument; HYDRA_FULL_ERROR=1 shows the traceback.
    build = construct if issubclass(cls, AbstractModule) else constructed
    model: Any = build(cls, "model", given, offered)
    return model  # type: ignore[no-any-return]


def objective_options(config: Mapping[str, Any]) -> ObjectiveOptions:
    """The arguments of our models that define the objective, from a configuration as plain data."""
    regularizer = dict(config["regularizer"])
    weight_penalties = {key: regularizer.pop(key) for key in ("l1", "l2", "proximal") if key in regularizer}
    return {
        "loss": config["loss"],
        "optimizer": config["optimizer"],
        "scheduler": config["scheduler"],
        **weight_penalties,  # type: ignore[typeddict-item]  # three of its keys
        "penalties": regularizer,
        "metrics": config["metrics"],
        "monitor": config["monitor"],
        "monitor_mode": config["monitor_mode"],
        "trusted_packages": config["trusted_packages"],
    }


def _check_fits(cls: type[AbstractModule], data: AbstractDataModule) -> None:
    """Check one of our models against the data's features and targets."""
    arguments = arguments_of(cls)
    if not data.num_features and "in_features" in arguments:
        raise ValueError(
            f"model must be one without features for this data, which has none; got {cls.__name__}. "
            "Such a model is model=function_descent."
        )
    if not data.num_classes and "num_classes" in arguments:
        raise ValueError(
            f"model must predict numbers for this data, whose targets are real numbers; got {cls.__name__}. "
            "Such models are model=linear_regression, mlp_regressor."
        )
    if data.classes and issubclass(cls, AbstractRegressor):
        raise ValueError(
            f"model must be a classifier for {type(data).__name__}, whose targets are {data.num_classes} classes; got "
            f"{cls.__name__}. Classifiers: model=mlp_classifier, softmax_regression, logistic_regression."
        )


def build_trainer(
    cfg: DictConfig,
    folder: Path,
    data: AbstractDataModule,
    model: LightningModule,
    console: Console,
    purge_step: int | None,
) -> Trainer:
    """The trainer that `trainer` describes, with our callbacks; it logs to TensorBoard below `folder`.

    Args:
        cfg: The configuration.
        folder: The run's folder.
        data: The data module.
        model: The module to train.
        console: Where the progress bar is drawn.
        purge_step: The first step of a resumed run: it supersedes what a killed process logged from this step on.
    """
    drop_slow_cuda_check()
    list_packages_once()
    show_progress = bool(cfg.progress and console.is_terminal)
    given = plain(cfg.trainer)
    ours: dict[str, Any] = {
        "default_root_dir": folder,
        "logger": _loggers(cfg, folder, purge_step),
        "callbacks": build_callbacks(cfg, folder, data, model, console if show_progress else None),
        "plugins": [AtomicCheckpointIO(), *([QuickPrecision()] if given["precision"] == "32-true" else [])],
        "enable_progress_bar": show_progress,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }
    if given["precision"] == "32-true":
        given.pop("precision")
    for name, default in (("profiler", NoProfiler()), ("num_sanity_val_steps", 0)):
        if given.get(name) is None:
            given.pop(name, None)
            ours[name] = default
    if isinstance(given["accumulate_grad_batches"], dict) and not takes_steps(model):
        # Lightning's own loop needs a callback for numbers by epoch.
        ours["callbacks"] += [GradientAccumulationScheduler(given.pop("accumulate_grad_batches"))]
    for name in given.keys() & ours.keys():
        raise ValueError(f"trainer.{name} must not be given, as gradexp sets it; got {given[name]!r}.")
    try:
        trainer: Trainer = constructed(Trainer, "trainer", given, ours)
    except ValueError as error:
        if re.search("gpu backend|accelerator is not available", str(error)):
            raise ValueError(NO_DEVICE.format(cfg.trainer.accelerator)) from error
        raise
    launcher = trainer.strategy.launcher
    if launcher is not None:  # of further processes, which print errors when they lose the first one
        stop_first(partial(launcher.kill, signal.SIGKILL))
    return trainer


def _loggers(cfg: DictConfig, folder: Path, purge_step: int | None) -> list[Logger]:
    """TensorBoard's logger, then the user's own loggers, which write below the run's folder if they take a folder."""
    events = event_folder_of_job(folder)
    loggers: list[Logger] = [
        EventFiles(events.parent, name=events.name, version="", default_hp_metric=False, purge_step=purge_step)
    ]
    for name, section in plain(cfg.logger).items():
        key = f"logger.{name}"
        cls = trusted_class(section.get("_target_"), "logger", cfg.trusted_packages, f"{key}._target_")
        given = {argument: value for argument, value in section.items() if argument != "_target_"}
        offered = {
            argument: value for argument, value in {"save_dir": folder, "name": name}.items() if argument not in given
        }
        loggers.append(constructed(cls, key, given, offered))
    return loggers
