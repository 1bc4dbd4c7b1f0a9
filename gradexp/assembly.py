"""A configuration's data, model and trainer."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig
from rich.console import Console

from gradexp.building.construct import construct
from gradexp.building.trust import trusted_class
from gradexp.callback_list import build_callbacks
from gradexp.config import plain
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoint_io import AtomicCheckpointIO
from gradexp.engine.lightning_internals import drop_slow_cuda_check
from gradexp.engine.precision import QuickPrecision
from gradexp.engine.profiler import NoProfiler
from gradexp.engine.step_callback import takes_steps
from gradexp.models import AbstractModule, AbstractRegressor


class EventFiles(TensorBoardLogger):
    """Lightning's TensorBoard logger without its hparams.yaml: the checkpoint and .hydra/ have the configuration."""

    def save(self) -> None:
        self.experiment.flush()


def build_data(cfg: DictConfig) -> AbstractDataModule:
    """The data module that `data` describes."""
    offered = {"data_dir": cfg.data_dir, "seed": cfg.seed, "augmentation": plain(cfg).get("augmentation") or None}
    data: Any = _build(cfg, "data", offered)
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
        "proximal": cfg.regularizer.get("proximal", False),  # of a checkpoint from before there was the choice
        "monitor": cfg.monitor,
    }
    model: Any = _build(cfg, "model", offered)
    if isinstance(model, AbstractRegressor) and data.classes:
        raise ValueError(
            f"model must be a classifier for {type(data).__name__}, whose targets are {data.num_classes} classes; got "
            f"{type(model).__name__}. Classifiers: model=mlp_classifier, softmax_regression, logistic_regression."
        )
    return model  # type: ignore[no-any-return]


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
        "logger": EventFiles(folder, name="tensorboard", version="", default_hp_metric=False, purge_step=purge_step),
        "callbacks": build_callbacks(cfg, folder, data, model, console if show_progress else None),
        "plugins": [AtomicCheckpointIO(), *([QuickPrecision()] if given["precision"] == "32-true" else [])],
        "profiler": NoProfiler(),
        "enable_progress_bar": show_progress,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
    }
    if given["precision"] == "32-true":
        given.pop("precision")
    if isinstance(given["accumulate_grad_batches"], dict) and not takes_steps(model):
        # Lightning's own loop has a callback for numbers by epoch.
        ours["callbacks"] += [GradientAccumulationScheduler(given.pop("accumulate_grad_batches"))]
    for name in ("profiler", "num_sanity_val_steps"):
        if given.get(name) is not None:
            ours.pop(name)
        else:
            given.pop(name, None)
    try:
        return construct(Trainer, "trainer", given, ours)
    except TypeError as error:  # such as devices=[0] where there is no GPU
        raise ValueError(f"trainer must have arguments that Lightning takes: {error}") from error


def _build(cfg: DictConfig, key: str, offered: Mapping[str, Any]) -> Any:
    given = plain(cfg)[key]
    cls: Any = trusted_class(given.pop("_target_"), key, cfg.trusted_packages)
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
