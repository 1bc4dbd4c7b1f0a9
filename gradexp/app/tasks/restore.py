"""Rebuilds a trained model and its data module from a checkpoint."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.run_record import RunRecord
from gradexp.configuration.files import read_job_config
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoint_content import not_finite
from gradexp.engine.checkpoint_file import check_architecture, read_checkpoint, restoring
from gradexp.engine.checkpoints import Checkpoints
from gradexp.engine.lightning_internals import epochs_done, is_within_epoch
from gradexp.engine.threads import choose_threads
from gradexp.models import AbstractModule
from gradexp.untrusted import check_kinds


@dataclass(frozen=True)
class Restored:
    """A module with the weights of a checkpoint, its data and trainer, its optimizer steps, and notes on it.

    `weights` says which weights these are: "weights/epoch", and the score for which they were kept.
    """

    data: AbstractDataModule
    model: AbstractModule
    trainer: Trainer
    step: int
    notes: list[str] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)


def restore(cfg: DictConfig, record: RunRecord, console: Console) -> Restored:
    """Build data, model and trainer of `cfg`, load the checkpoint into them, and record `cfg`.

    Raises:
        ValueError: The checkpoint is not usable, or has another architecture.
    """
    checkpoint = read_checkpoint(cfg.ckpt_path)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data, model = module_and_data(cfg, cfg.ckpt_path, checkpoint)
    torch.set_num_threads(choose_threads(cfg.threads, saved=checkpoint.get("threads")))
    trainer = build_trainer(cfg, record.folder, data, model, console, purge_step=None)
    record.write(cfg)
    step = checkpoint.get("weights_step", checkpoint["global_step"])
    with restoring(cfg.ckpt_path):
        weights = weights_of(checkpoint)
    return Restored(data, model, trainer, step, not_finite(checkpoint["state_dict"]), weights)


def weights_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Of which epoch the weights in a checkpoint are; of the best ones also the monitored metric."""
    monitor = checkpoint["config"].get("monitor")
    best = checkpoint.get("callbacks", {}).get(Checkpoints.__qualname__, {}).get("best")
    if best is not None and best["step"] == checkpoint.get("weights_step", checkpoint["global_step"]):
        check_kinds(best, epoch=int)
        score = {f"weights/{monitor}": best["score"]} if isinstance(best["score"], int | float) else {}
        return {"weights/epoch": best["epoch"], **score}
    return {"weights/epoch": epochs_done(checkpoint) + is_within_epoch(checkpoint)} if "loops" in checkpoint else {}


def module_of_run(folder: Path) -> AbstractModule | None:
    """The module of a run that other processes have completed, with the weights that they tested; None without one."""
    cfg = OmegaConf.create(read_job_config(folder))
    if cfg.task not in ("train", "test"):
        return None
    path = str(folder / "checkpoints" / "best.ckpt") if cfg.task == "train" else cfg.ckpt_path
    _, model = module_and_data(cfg, path, read_checkpoint(path))
    return model.eval()


def module_and_data(
    cfg: DictConfig, path: str, checkpoint: dict[str, Any]
) -> tuple[AbstractDataModule, AbstractModule]:
    """The data and the model of `cfg`, with what the checkpoint at this path has of them.

    Raises:
        ValueError: The checkpoint has another architecture, or the data cannot be had.
    """
    data = build_data(cfg)
    # A data module of another class computes its preprocessing from its own training part.
    if type(data).__qualname__ in checkpoint:
        with restoring(path):
            data.load_state_dict(checkpoint[type(data).__qualname__])
    model = build_model(cfg, data)
    check_architecture(checkpoint, model, path)
    with restoring(path):
        model.load_state_dict(checkpoint["state_dict"])
    return data, model
