"""Rebuilds a trained model and its data module from a checkpoint."""

from dataclasses import dataclass, field

import torch
from lightning.pytorch import Trainer, seed_everything
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.run_record import RunRecord
from gradexp.data import AbstractDataModule
from gradexp.engine.checkpoint_content import not_finite
from gradexp.engine.checkpoint_file import check_architecture, read_checkpoint, restoring
from gradexp.engine.threads import choose_threads
from gradexp.models import AbstractModule


@dataclass(frozen=True)
class Restored:
    """The objects rebuilt from a checkpoint, the optimizer steps that it was trained for, and notes on it."""

    data: AbstractDataModule
    model: AbstractModule
    trainer: Trainer
    step: int
    notes: list[str] = field(default_factory=list)


def restore(cfg: DictConfig, record: RunRecord, console: Console) -> Restored:
    """Build data, model and trainer of `cfg`, load the checkpoint into them, and record `cfg`.

    Raises:
        ValueError: The checkpoint is not usable, or has another architecture.
    """
    checkpoint = read_checkpoint(cfg.ckpt_path)
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg)
    # A data module of another class computes its preprocessing from its own training part.
    if type(data).__qualname__ in checkpoint:
        with restoring(cfg.ckpt_path):
            data.load_state_dict(checkpoint[type(data).__qualname__])
    model = build_model(cfg, data)
    check_architecture(checkpoint, model, cfg.ckpt_path)
    with restoring(cfg.ckpt_path):
        model.load_state_dict(checkpoint["state_dict"])
    torch.set_num_threads(choose_threads(cfg.threads, saved=checkpoint.get("threads")))
    trainer = build_trainer(cfg, record.folder, data, model, console, purge_step=None)
    record.write(cfg)
    step = checkpoint.get("weights_step", checkpoint["global_step"])
    return Restored(data, model, trainer, step, not_finite(checkpoint["state_dict"]))
