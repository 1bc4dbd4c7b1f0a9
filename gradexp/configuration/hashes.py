"""Hashes that identify experiments: of the configuration that ran, and of the one asked for."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from gradexp.configuration.values import plain

# Keys that describe the machine and the command, not the experiment: not read from checkpoints, not hashed.
LOCAL_KEYS = (
    "task", "ckpt_path", "input", "predictions_format", "topic", "sweep_dir", "data_dir", "figures", "figure_format",
    "figure_size", "progress", "threads", "report", "trusted_packages", "sweep", "search", "compare", "export",
)  # fmt: skip
LOCAL_TRAINER_KEYS = ("accelerator", "devices", "strategy")
ALL_LOCAL_KEYS = (*LOCAL_KEYS, *(f"trainer.{key}" for key in LOCAL_TRAINER_KEYS))


def config_hash(cfg: DictConfig, resumed: Any = None) -> str:
    """16 hexadecimal digits that are equal for runs of the same experiment, on any machine.

    Args:
        cfg: The configuration that ran.
        resumed: The settings that changed when the run was resumed, if any did.
    """
    experiment = {key: value for key, value in plain(cfg).items() if key not in LOCAL_KEYS}
    experiment["trainer"] = {k: v for k, v in experiment["trainer"].items() if k not in LOCAL_TRAINER_KEYS}
    return _digits([experiment, resumed] if resumed else experiment)


def asked_hash(cfg: DictConfig, settings: Mapping[str, Any] | None = None) -> str:
    """16 hexadecimal digits that identify a job of a sweep: the hash of the configuration asked for.

    The hash of the configuration that ran, `config_hash`, differs if the data requires another model or monitor.

    Args:
        cfg: The configuration of a job, as composed.
        settings: Values of the sweep's axes; local keys among them, such as `threads`, also distinguish jobs, as do
            options of `trainer`, which set local keys.
    """
    given = (settings or {}).items()
    local = {k: value for k, value in given if k in ALL_LOCAL_KEYS or (k == "trainer" and isinstance(value, str))}
    if cfg.task != "train" or cfg.ckpt_path is not None:
        local |= {key: cfg[key] for key in ("task", "ckpt_path", "input", "predictions_format")}
        local |= {"export": plain(cfg.export)} if cfg.task == "export" else {}
    return _digits([config_hash(cfg), local]) if local else config_hash(cfg)


def _digits(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
