"""What TensorBoard shows of a run beside its curves and figures: configuration, command, layout, results, HPARAMS."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig, OmegaConf
from torch.utils.tensorboard import SummaryWriter

from gradexp.app.job_command import typed_commands
from gradexp.app.tasks.resume import Resumption
from gradexp.callbacks import Diagnostics, ParameterScalars
from gradexp.callbacks.parameter_scalars import scalars as parameter_scalars
from gradexp.configuration.hashes import config_hash
from gradexp.configuration.values import plain
from gradexp.configuration.yaml_text import as_markdown, to_yaml
from gradexp.engine.event_files import EventFiles
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.engine.scalar_tags import OF_WEIGHTS, RATE
from gradexp.models import AbstractModule
from gradexp.reports.curves import scalars
from gradexp.reports.hparams import hyperparameters, write_hparams
from gradexp.reports.results_table import results_table
from gradexp.reports.scalar_layout import write_layout
from gradexp.sweeps.plan.run_name import settings_of_job, typed_in_job

log = logging.getLogger(__name__)


def write_config(writer: SummaryWriter, config: str, folder: Path, step: int = 0) -> None:
    """Write the card "config": what was typed, and the configuration that runs, given as YAML."""
    commands = typed_commands(folder, HydraConfig.get())
    parts = [f"{title}:\n\n" + as_markdown(line + "\n", "shell") for title, line in commands.items()]
    writer.add_text("config", "\n\n".join([*parts, as_markdown(config)]), step)


def begin(cfg: DictConfig, trainer: Trainer, model: LightningModule, resumed: Resumption | None) -> None:
    """Write what is known before the fit: the configuration, and of our models the layout of Custom Scalars.

    The configuration and the network are written to gradexp.log too.
    """
    logger, config = trainer.logger, to_yaml(cfg, resolve=True)
    log.info("configuration\n%s", config)
    log.info("network\n%s", getattr(model, "network", model))
    if not isinstance(logger, EventFiles) or not trainer.is_global_zero:
        return
    folder = Path(trainer.default_root_dir)
    logger.begin_rewind(resumed.checkpoint if resumed else None)
    if resumed is None:
        logger.end_rewind()
    if resumed is None or not logger.continues:
        write_config(logger.experiment, config, folder)
        if isinstance(model, AbstractModule):
            write_layout(logger.experiment, _tags(model, trainer))
    elif config_hash(cfg) != config_hash(OmegaConf.create(dict(resumed.checkpoint["config"]))):
        write_config(logger.experiment, config, folder, resumed.step)


def end(cfg: DictConfig, trainer: Trainer, model: LightningModule, metrics: dict[str, Any]) -> None:
    """Write the results after the fit and its test, and close the event file.

    TensorBoard draws each scalar as a curve and takes the metrics of HPARAMS from scalars, so that only the best value
    of the monitor is written as one; the test has logged its own.
    """
    logger, folder, step = trainer.logger, Path(trainer.default_root_dir), trainer.global_step
    assert isinstance(logger, TensorBoardLogger)
    logger.experiment.add_text("results", results_table(metrics), step)
    if not isinstance(model, AbstractModule):
        write_layout(logger.experiment, sorted(scalars(folder)))
    name = f"best/{metrics['monitor']}"
    best = {name: metrics[name]} if name in metrics else {}
    changes, varied, typed = metrics.get("resumed", ()), settings_of_job(folder), typed_in_job(folder)
    settings = hyperparameters(plain(cfg), metrics["data"], changes, varied, typed)
    write_hparams(logger.experiment, settings, best, step, (), succeeded=metrics["status"] == "completed")
    logger.experiment.close()


def _tags(model: AbstractModule, trainer: Trainer) -> Iterator[str]:
    """The scalars that a fit will log and that vary; of those of each layer, the part up to the slash."""
    without_penalty = () if model.objective.penalties else ("train/penalty", "train/objective")
    yield from (name for name in model.names_in("train") if name not in without_penalty)
    yield from (*model.names_in("val"), RATE)
    if ParameterScalars.applies(model):
        yield from parameter_scalars(model.named_parameters())
    for callback in callbacks_of(trainer):
        if isinstance(callback, Diagnostics):
            yield from (f"{OF_WEIGHTS}{name}/" for name in callback.logged(model))
