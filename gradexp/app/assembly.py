"""A configuration's data, model and trainer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.callback_list import build_callbacks
from gradexp.arguments import arguments_of
from gradexp.building.construct import construct, constructed
from gradexp.building.trust import trusted_class
from gradexp.configuration.values import plain
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoint_file import AtomicCheckpointIO
from gradexp.engine.lightning_internals import drop_slow_cuda_check
from gradexp.engine.low_overhead import NoProfiler, QuickPrecision
from gradexp.engine.step_callback import takes_steps
from gradexp.models import AbstractModule, AbstractRegressor
from gradexp.objective.objective import ObjectiveOptions


class EventFiles(TensorBoardLogger):
    """Lightning's TensorBoard logger without its hparams.yaml: the checkpoint and .hydra/ have the configuration."""

    def save(self) -> None:
        self.experiment.flush()


def build_data(cfg: DictConfig) -> AbstractDataModule:
    """The data module that `data` describes."""
    config = plain(cfg)
    given = config["data"]
    cls: Any = trusted_class(given.pop("_target_"), "data", cfg.trusted_packages)
    augmentation = config.get("augmentation") or None
    if augmentation and "augmentation" not in arguments_of(cls):
        raise ValueError(f"augmentation must be none for {cls.__name__}, which takes none; got {augmentation}.")
    offered = {"data_dir": cfg.data_dir, "seed": cfg.seed, "augmentation": augmentation}
    data: Any = construct(cls, "data", given, offered)
    return data  # type: ignore[no-any-return]


def build_model(cfg: DictConfig, data: AbstractDataModule) -> AbstractModule:
    """The model that `model` describes, sized for `data`.

    Of our models, loss, optimizer, schedule, penalties and metrics are the configuration's; any other LightningModule
    has its own.
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
    # Of another's class any complaint is of an argument, most likely; HYDRA_FULL_ERROR=1 shows where it comes from.
    build = construct if issubclass(cls, AbstractModule) else constructed
    model: Any = build(cls, "model", given, offered)
    return model  # type: ignore[no-any-return]


def objective_options(config: Mapping[str, Any]) -> ObjectiveOptions:
    """What the configuration says of the objective, as our models take it.

    Args:
        config: As plain data.
    """
    regularizer = dict(config["regularizer"])
    own = {key: regularizer.pop(key) for key in ("l1", "l2", "proximal") if key in regularizer}
    return {
        "loss": config["loss"],
        "optimizer": config["optimizer"],
        "scheduler": config["scheduler"],
        **own,  # type: ignore[typeddict-item]  # three keys of it
        "penalties": regularizer,
        "metrics": config["metrics"],
        "monitor": config["monitor"],
        "monitor_mode": config["monitor_mode"],
        "trusted_packages": config["trusted_packages"],
    }


def _check_fits(cls: type[AbstractModule], data: AbstractDataModule) -> None:
    """Hold one of our models against the data's features and targets."""
    takes = arguments_of(cls)
    if not data.num_features and "in_features" in takes:
        raise ValueError(
            f"model must be one without features for this data, which has none; got {cls.__name__}. "
            "There is model=function_descent."
        )
    if not data.num_classes and "num_classes" in takes:
        raise ValueError(
            f"model must predict numbers for this data, whose targets are no classes; got {cls.__name__}. "
            "Models that do: model=linear_regression, mlp_regressor."
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
    """The trainer that `trainer` describes, with our callbacks; TensorBoard below `folder`.

    Args:
        cfg: The configuration.
        folder: The run's folder.
        data: What it will be given.
        model: What it will train.
        console: Where the progress bar is drawn.
        purge_step: A resumed run's first step: what an earlier, killed process logged from it on is superseded.
    """
    drop_slow_cuda_check()
    show_progress = bool(cfg.progress and console.is_terminal)
    given = plain(cfg)["trainer"]
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
        # Lightning's own loop has a callback for numbers by epoch.
        ours["callbacks"] += [GradientAccumulationScheduler(given.pop("accumulate_grad_batches"))]
    for name in given.keys() & ours.keys():
        raise ValueError(f"trainer.{name} is set by gradexp and cannot be given; got {given[name]!r}.")
    trainer: Trainer = constructed(Trainer, "trainer", given, ours)
    return trainer


def _loggers(cfg: DictConfig, folder: Path, purge_step: int | None) -> list[Logger]:
    """TensorBoard, then the user's own: each writes below the run's folder where it takes one."""
    loggers: list[Logger] = [
        EventFiles(folder, name="tensorboard", version="", default_hp_metric=False, purge_step=purge_step)
    ]
    for name, section in plain(cfg)["logger"].items():
        key = f"logger.{name}"
        cls = trusted_class(section.get("_target_"), "logger", cfg.trusted_packages, f"{key}._target_")
        given = {argument: value for argument, value in section.items() if argument != "_target_"}
        offered = {
            argument: value for argument, value in {"save_dir": folder, "name": name}.items() if argument not in given
        }
        loggers.append(constructed(cls, key, given, offered))
    return loggers
