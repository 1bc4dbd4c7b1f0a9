"""Speed of `data=table` on 1,000,000 rows beside polars and a plain PyTorch loop, in one process in turn.

    python -m tests.benchmarks.table [--rows 1000000] [--repeats 3]

Writes a CSV of 20 real columns and a class to a temporary folder, prints medians and ratios; nothing is asserted.
Where other programs share the cores, OMP_NUM_THREADS=1 keeps threads from waiting for each other, which swamps it all.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp import compose
from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.quiet import quiet_libraries
from gradexp.configuration.values import plain
from gradexp.data import AbstractDataModule
from gradexp.objective.optimizers import build_optimizer
from tests.benchmarks.ratios import arguments, save

T = TypeVar("T")
COLUMNS = 20


class EpochTime(Callback):
    """When the training epoch began and ended; validation and the checkpoint come after."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = time.perf_counter() - self.started


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """What a function gives, and the seconds it took."""
    started = time.perf_counter()
    result = function()
    return result, time.perf_counter() - started


def write_table(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(5.0, 3.0, (rows, COLUMNS))
    target = (inputs[:, 0] * inputs[:, 1] > 25).astype(np.int64)
    pl.DataFrame({**{f"x{n}": inputs[:, n] for n in range(COLUMNS)}, "y": target}).write_csv(path)


def plain_load(path: Path) -> tuple[Tensor, Tensor]:
    """The training part as a short script would make it, split and standardised as ours is [rows, features], [rows]."""
    frame = pl.read_csv(path)
    targets = torch.from_numpy(frame["y"].to_numpy().copy())
    inputs = torch.from_numpy(frame.drop("y").to_numpy())
    order = torch.randperm(len(inputs))
    train, val, test = torch.tensor_split(order, [len(inputs) * 16 // 25, len(inputs) * 20 // 25])
    mean, std = inputs[train].mean(0), inputs[train].std(0)
    inputs = ((inputs - mean) / std).float()
    parts = [(inputs[part], targets[part]) for part in (train, val, test)]
    return parts[0]


def plain_epoch(cfg: DictConfig, network: nn.Module, inputs: Tensor, targets: Tensor, fused: bool) -> float:
    """Seconds of an epoch in a loop with the same network, optimizer and batch size.

    Args:
        cfg: The configuration.
        network: What is trained.
        inputs: The training rows [rows, features].
        targets: Their classes [rows].
        fused: Use the optimizer's fused form as our configuration does, which few people's loops do.
    """
    optimizer = build_optimizer(network.parameters(), plain(cfg)["optimizer"] | {"fused": fused})
    started = time.perf_counter()
    for batch in torch.split(torch.randperm(len(inputs)), cfg.data.batch_size):
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(network(inputs[batch]), targets[batch]))
        optimizer.step()
    return time.perf_counter() - started


def our_load(cfg: DictConfig) -> AbstractDataModule:
    data = build_data(cfg)
    data.setup("fit")
    data.setup("test")
    return data


def our_epoch(cfg: DictConfig, data: AbstractDataModule) -> tuple[float, float]:
    """Seconds of the epoch, and of the fit with validation and checkpoints; logger on."""
    with tempfile.TemporaryDirectory() as folder:
        model = build_model(cfg, data)
        trainer = build_trainer(cfg, Path(folder), data, model, Console(stderr=True), None)
        epoch = EpochTime()
        trainer.callbacks.insert(0, epoch)  # type: ignore[attr-defined]  # set from outside its class
        _, fit = timed(lambda: trainer.fit(model, datamodule=data))
    return epoch.seconds, fit


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    quiet_libraries()
    names = ("plain load", "our load", "plain epoch", "plain epoch, fused", "our epoch", "our fit")
    times: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows)
        cfg = compose("data=table", f"data.path={path}", "data.target=y", "trainer.max_epochs=1", "figures=false")
        for _ in range(options.repeats):
            (inputs, targets), seconds = timed(lambda: plain_load(path))
            times["plain load"].append(seconds)
            data, seconds = timed(lambda: our_load(cfg))
            times["our load"].append(seconds)
            for name, is_fused in (("plain epoch", False), ("plain epoch, fused", True)):
                network = build_model(cfg, data).network
                times[name].append(plain_epoch(cfg, network, inputs, targets, is_fused))
            epoch, fit = our_epoch(cfg, data)
            times["our epoch"].append(epoch)
            times["our fit"].append(fit)
    median = {name: statistics.median(values) for name, values in times.items()}
    loop, fused = median["plain load"] + median["plain epoch"], median["plain load"] + median["plain epoch, fused"]
    table = Table(f"seconds, {options.rows:,} rows", "plain", "plain, fused Adam", "gradexp", "ratio", "ratio to fused")
    for what, first, second, ours in (
        ("load: read, split, standardise", median["plain load"], median["plain load"], median["our load"]),
        ("one epoch", median["plain epoch"], median["plain epoch, fused"], median["our epoch"]),
        ("load and one epoch", loop, fused, median["our load"] + median["our epoch"]),
        ("the same with validation, checkpoints", loop, fused, median["our load"] + median["our fit"]),
    ):
        numbers = [f"{value:.2f}" for value in (first, second, ours, ours / first, ours / second)]
        table.add_row(what, *numbers)
    Console().print(table)
    ratios = {"load and one epoch: gradexp / plain, fused": (median["our load"] + median["our epoch"]) / fused}
    save(
        options.ratios,
        ratios | {"one epoch: gradexp / plain, fused": median["our epoch"] / median["plain epoch, fused"]},
    )


if __name__ == "__main__":
    main()
