"""Compares a job that a stack has trained with the same job trained alone."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

CLOSE = 1e-4  # relative
MEASURED = ("seconds", "samples_per_second", "event_files")  # differ from run to run
# Lightning counts groups of steps where a module takes several at once.
COUNTS_OF_BATCHES = "batch_progress.total"


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two jobs' folders beyond rounding: metrics, curves, configuration, checkpoints."""
    metrics = [_metrics(folder) for folder in (one, other)]
    found = [f"metrics.json: {line}" for line in _unequal(*metrics)]
    orders = [[key for key in keys if not any(word in key for word in MEASURED)] for keys in metrics]
    found += [f"metrics.json: {orders[0]} and {orders[1]}"] if orders[0] != orders[1] else []
    found += [f"curves: {line}" for line in _unequal(*(_flat(curves(folder)) for folder in (one, other)))]
    for name in ("config.yaml", "overrides.yaml"):
        if (one / ".hydra" / name).read_text() != (other / ".hydra" / name).read_text():
            found.append(f".hydra/{name}")
    for name in ("best", "last"):
        present = [(folder / f"checkpoints/{name}.ckpt").is_file() for folder in (one, other)]
        if not all(present):
            found += [f"{name}.ckpt: {present}"] if any(present) else []
            continue
        contents = [_flat(torch.load(f / f"checkpoints/{name}.ckpt", weights_only=True)) for f in (one, other)]
        found += [f"{name}.ckpt: {line}" for line in _unequal(*contents)]
    return found


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars in the event files, by tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted((folder / "tensorboard").rglob("*tfevents*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tensor.float_val:
                    found.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    return found


def _metrics(folder: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


def _unequal(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for key in sorted(one.keys() | other.keys()):
        if any(word in key for word in MEASURED) or COUNTS_OF_BATCHES in key:
            continue
        here, there = one.get(key, "absent"), other.get(key, "absent")
        if not _same(here, there, 1e-6 if "r2" in key else 1e-7):
            yield f"{key}: {here} and {there}"


def _same(one: Any, other: Any, near_zero: float) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and torch.allclose(one.double(), other.double(), rtol=1e-3, atol=1e-5)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=near_zero) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found: dict[str, Any] = {}
    for key, value in items:
        name = f"{prefix}.{key}" if prefix else str(key)
        found |= _flat(value, name) if isinstance(value, dict | list | tuple) else {name: value}
    return found
