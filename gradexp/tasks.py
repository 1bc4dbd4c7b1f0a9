"""The tasks: train, test, predict. Each takes a configuration and a folder, and gives the content of metrics.json."""

import csv
import io
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from gradexp.assembly import build_data, build_model, build_trainer
from gradexp.callbacks import Checkpoints, Diverged, FitClock
from gradexp.checkpoint_file import check_architecture, read_checkpoint
from gradexp.config import plain
from gradexp.data import AbstractDataModule, ImageDataModule
from gradexp.data.image_files import image_paths
from gradexp.files import write_atomically
from gradexp.hparams import hyperparameters, write_hparams

log = logging.getLogger(__name__)

Metrics = dict[str, Any]
PLANNED = ("CosineAnnealingLR", "OneCycleLR")  # schedules that are laid out over all steps of a fit
PRINTED_PREDICTIONS = 10


def train(cfg: DictConfig, folder: Path, console: Console) -> tuple[Metrics, list[str]]:
    """Fit, from the start or from a checkpoint, then test best.ckpt once.

    Returns:
        Metrics, and notes for the user.
    """
    checkpoint = read_checkpoint(cfg.ckpt_path) if cfg.ckpt_path else None
    notes = _mend_monitor(cfg)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg)
    model = build_model(cfg, data)
    purge_step = None
    if checkpoint is not None:
        check_architecture(checkpoint, model, cfg.ckpt_path)
        _check_schedule(cfg, checkpoint)
        purge_step = checkpoint["global_step"] + 1
    trainer = build_trainer(cfg, folder, getattr(data, "classes", []), console, purge_step)
    checkpoints = next(callback for callback in trainer.callbacks if isinstance(callback, Checkpoints))  # type: ignore[attr-defined]
    clock = next(callback for callback in trainer.callbacks if isinstance(callback, FitClock))  # type: ignore[attr-defined]
    if checkpoint is not None:
        _bring_best(Path(cfg.ckpt_path), checkpoints.best_path)
        notes.append(f"resumed from step {checkpoint['global_step']:,} of {cfg.ckpt_path}")
    log.info("configuration\n%s", OmegaConf.to_yaml(cfg, resolve=True))
    log.info("network\n%s", model.network)
    if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero:
        trainer.logger.experiment.add_text("config", f"```yaml\n{OmegaConf.to_yaml(cfg, resolve=True)}```")

    status = "completed"
    try:
        trainer.fit(model, datamodule=data, ckpt_path=cfg.ckpt_path, weights_only=True)
    except Diverged as diverged:
        status = "diverged"
        notes.append(f"diverged: {diverged}; the last good state is {checkpoints.last_path}")
        notes.append(f"a smaller optimizer.lr (now {cfg.optimizer.lr:g}) or trainer.gradient_clip_val=1 may help")

    metrics: Metrics = {"status": status}
    metrics |= checkpoints.metrics
    if checkpoints.best_score is not None:
        metrics[f"best/{cfg.monitor}"] = checkpoints.best_score  # of best.ckpt, which is what is tested
    metrics["seconds/fit"] = clock.seconds
    if status == "completed" and cfg.test:
        started = time.perf_counter()
        best = read_checkpoint(str(checkpoints.best_path))
        model.load_state_dict(best["state_dict"])
        metrics |= _run_test(trainer, model, data)
        metrics["seconds/test"] = time.perf_counter() - started
    metrics |= _facts(data, model)
    metrics["epochs"], metrics["steps"] = trainer.current_epoch, trainer.global_step
    if status == "diverged":
        metrics["reason"] = notes[-2]
    if isinstance(trainer.logger, TensorBoardLogger) and trainer.is_global_zero:
        final = {key: value for key, value in metrics.items() if "/" in key and isinstance(value, float)}
        settings = hyperparameters(plain(cfg), metrics["data"])
        write_hparams(trainer.logger.experiment, settings, final, trainer.global_step)
        trainer.logger.finalize("success")
    return metrics, notes


def test(cfg: DictConfig, folder: Path, console: Console) -> tuple[Metrics, list[str]]:
    """Measure a checkpoint on the test part."""
    checkpoint, data, model, trainer = _from_checkpoint(cfg, folder, console)
    started = time.perf_counter()
    metrics: Metrics = {"status": "completed"} | _run_test(trainer, model, data)
    metrics["seconds/test"] = time.perf_counter() - started
    metrics |= _facts(data, model) | {"steps": checkpoint["global_step"]}
    if isinstance(trainer.logger, TensorBoardLogger):
        trainer.logger.finalize("success")
    return metrics, []


def predict(cfg: DictConfig, folder: Path, console: Console) -> tuple[Metrics, list[str]]:
    """Classify image files, or the test part, and write predictions.csv: file, class, probability."""
    _, data, model, trainer = _from_checkpoint(cfg, folder, console)
    started = time.perf_counter()
    if cfg.input is None:
        outputs = trainer.predict(model, datamodule=data)
        names = [f"test/{index}" for index in range(data.sizes()["test"])]
    else:
        if not isinstance(data, ImageDataModule):
            raise ValueError(f"input must be null for {type(data).__name__}; got {cfg.input}.")
        paths = image_paths(Path(cfg.input))
        images = torch.cat([data.read(path) for path in paths])
        outputs = trainer.predict(model, dataloaders=[(batch,) for batch in torch.split(images, data.eval_batch_size)])
        names = [str(path) for path in paths]
    probability, index = torch.cat([torch.as_tensor(output) for output in outputs or []]).max(dim=1)
    classes = getattr(data, "classes", [str(number) for number in range(data.num_classes)])
    rows = [
        (name, classes[number], f"{share:.6f}")
        for name, number, share in zip(names, index.tolist(), probability.tolist(), strict=True)
    ]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("file", "class", "probability"), *rows])
    path = folder / "predictions.csv"
    write_atomically(path, text.getvalue().encode())
    table = Table("file", "class", "probability")
    for row in rows[:PRINTED_PREDICTIONS]:
        table.add_row(*row)
    console.print(table)
    metrics = {"status": "completed", "seconds/predict": time.perf_counter() - started, "predictions": len(rows)}
    return metrics | _facts(data, model), [f"{len(rows):,} predictions in {path}"]


def _from_checkpoint(
    cfg: DictConfig, folder: Path, console: Console
) -> tuple[dict[str, Any], AbstractDataModule, LightningModule, Trainer]:
    checkpoint = read_checkpoint(cfg.ckpt_path)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg)
    data.load_state_dict(checkpoint[type(data).__qualname__])
    model = build_model(cfg, data)
    check_architecture(checkpoint, model, cfg.ckpt_path)
    model.load_state_dict(checkpoint["state_dict"])
    return checkpoint, data, model, build_trainer(cfg, folder, getattr(data, "classes", []), console, None)


def _run_test(trainer: Trainer, model: LightningModule, data: AbstractDataModule) -> Metrics:
    trainer.test(model, datamodule=data, verbose=False)
    return {name: value.item() for name, value in sorted(trainer.callback_metrics.items())}


def _facts(data: AbstractDataModule, model: LightningModule) -> Metrics:
    sizes = {f"samples/{part}": size for part, size in data.sizes().items()}
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"data": type(data).__name__, **sizes, "parameters": parameters}


def _mend_monitor(cfg: DictConfig) -> list[str]:
    """Without a validation part a validation metric cannot be watched: take the training metric, and say so."""
    if cfg.data.get("val_size") == 0 and cfg.monitor.startswith("val/"):
        cfg.monitor = cfg.monitor.replace("val/", "train/", 1)
        return [f"data.val_size is 0, so there is no validation part: monitor is {cfg.monitor}"]
    return []


def _check_schedule(cfg: DictConfig, checkpoint: dict[str, Any]) -> None:
    saved = checkpoint["config"]["trainer"]
    for key in ("max_epochs", "max_steps"):
        if cfg.scheduler.name in PLANNED and cfg.trainer[key] != saved[key]:
            raise ValueError(
                f"trainer.{key} must stay {saved[key]} when {cfg.scheduler.name} is resumed, whose rates are laid out "
                f"over the whole fit; got {cfg.trainer[key]}. Train anew, or resume a run with another scheduler."
            )


def _bring_best(resumed_from: Path, best_path: Path) -> None:
    """A run that resumes in another folder takes the best state so far with it."""
    best = resumed_from.parent / "best.ckpt"
    if best.is_file() and not best_path.exists():
        best_path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(best, best_path)
