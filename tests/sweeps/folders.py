"""Writes folders of sweeps without training: the same files as real jobs write."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from torch.utils.tensorboard import SummaryWriter

from gradexp import compose
from gradexp.configuration.hashes import config_hash
from gradexp.configuration.values import flat, plain
from gradexp.files import write_json
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob

Settings = dict[str, Any]


def grid(**axes: list[Any]) -> list[Settings]:
    """Every combination; double underscores stand for dots."""
    keys = [key.replace("__", ".") for key in axes]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*axes.values())]


def accuracy(settings: Settings) -> float:
    """A synthetic score: highest at a learning rate of 0.1 for SGD and of 0.01 for Adam; it decreases with l2."""
    peak = {"sgd": -1.0, "adam": -2.0}[settings.get("optimizer", "adam")]
    distance = np.log10(settings.get("optimizer.lr", 0.01)) - peak
    noise = 0.003 * np.sin(17.0 * settings.get("seed", 0))
    return float(0.97 - 0.05 * distance**2 - 3 * settings.get("regularizer.l2", 0.0) + noise)


def write_sweep(folder: Path, jobs: list[Settings], outcomes: dict[int, Settings] | None = None) -> Path:
    """Write a sweep whose jobs completed with `accuracy`, except for `outcomes`; an empty one has no metrics.json."""
    cfg = compose("figures=false")
    config = plain(cfg)
    manifest = Manifest("made", "val/accuracy", "continue", ["optimizer.lr=0.1,0.01"], flat(config), [])
    for number, settings in enumerate(jobs):
        overrides = [f"{key}={value}" for key, value in settings.items()]
        manifest.jobs[f"{number:016x}"] = PlannedJob(str(number), "grid", overrides, settings)
        job = folder / str(number)
        (job / ".hydra").mkdir(parents=True)
        job_folder.mark_started(job)
        job_config = json.loads(json.dumps(config))
        for key, value in settings.items():
            if key != "optimizer":
                node, _, leaf = key.rpartition(".")
                (job_config[node] if node else job_config)[leaf] = value
        name = {"sgd": "SGD", "adam": "Adam"}[settings.get("optimizer", "adam")]
        job_config["optimizer"]["_target_"] = f"torch.optim.{name}"
        (job / ".hydra" / "config.yaml").write_text(yaml.safe_dump(job_config))
        (job / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(overrides))
        score = accuracy(settings)
        metrics = {
            "status": "completed", "val/accuracy": score, "val/loss": 1 - score, "test/accuracy": score - 0.01,
            "train/loss": 0.5 - score / 2, "seconds/fit": 1.0 + 0.1 * number, "epochs": 3, "steps": 117,
            "data": "Digits", "monitor": "val/accuracy", "monitor_mode": "max", "seed": job_config["seed"],
            "config_hash": config_hash(cfg), "asked_hash": f"{number:016x}",
        }  # fmt: skip
        metrics = (outcomes or {}).get(number, metrics)
        if metrics:
            write_json(job / "metrics.json", metrics)
    manifest.write(folder)
    return folder


def write_curve(job: Path, tag: str, values: list[float]) -> None:
    """Write event files with one curve."""
    with SummaryWriter(str(job / "tensorboard")) as writer:
        for step, value in enumerate(values):
            writer.add_scalar(tag, value, step)
