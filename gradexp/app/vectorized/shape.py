"""Which jobs may share a stack: those whose configurations differ only in what members may differ in."""

import json
from collections.abc import Mapping
from typing import Any

from gradexp.configuration.values import flat
from gradexp.sweeps.plan.axes import text

# Keys whose values the members of a stack need not share; all others must be equal.
FREE = (
    "seed", "init_from", "name", "monitor", "monitor_mode", "target_score", "test", "scheduler", "early_stopping",
    "model.init", "trainer.max_epochs", "trainer.max_steps", "trainer.gradient_clip_val", "loss.label_smoothing",
    "regularizer.l1", "regularizer.l2", "sweep", "search", "progress", "threads", "figures", "figure_format",
    "figure_size", "data.fold", "data.split_seed",
)  # fmt: skip
# A job with any other value of these keys runs alone.
NEEDED: Mapping[str, Any] = {
    "task": "train",
    "ckpt_path": None,
    "freeze": [],
    "trainer.devices": 1,
    "trainer.strategy": "auto",
    "trainer.precision": "32-true",
    "trainer.accumulate_grad_batches": 1,
}
EMPTY = ("logger", "metrics")
TRAINER = (
    "accelerator", "devices", "strategy", "precision", "max_epochs", "max_steps", "gradient_clip_val",
    "gradient_clip_algorithm", "accumulate_grad_batches", "check_val_every_n_epoch", "log_every_n_steps",
    "deterministic",
)  # fmt: skip


def why_alone(config: Mapping[str, Any]) -> str | None:
    """Why a job of this plain configuration cannot be in a stack, as far as the configuration tells; else None."""
    for key, needed in NEEDED.items():
        section, _, name = key.rpartition(".")
        value = (config[section] if section else config)[name]
        if value != needed:
            return f"{key}={text(value)}"
    for section in EMPTY:
        if config.get(section):
            return section
    others = [name for name in config["trainer"] if name not in TRAINER]
    if others:
        return f"trainer.{others[0]}"
    if config["figures"] is True:
        return "figures=true"
    if config["trainer"]["max_epochs"] in (None, -1):
        return "trainer.max_epochs=-1"
    if config["trainer"]["check_val_every_n_epoch"] is None:
        return "trainer.check_val_every_n_epoch=null"
    return None


def shape(config: Mapping[str, Any]) -> str:
    """What jobs must have in common to be members of one stack, as a text."""
    fixed = {}
    for key, value in flat(config).items():
        if any(key == free or key.startswith(f"{free}.") for free in FREE):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key.startswith("optimizer.") and (is_number or key == "optimizer.betas"):
            continue
        if key in ("model.dropout", "model.input_dropout"):
            value = bool(value)
        fixed[key] = value
    return json.dumps(fixed, sort_keys=True)
