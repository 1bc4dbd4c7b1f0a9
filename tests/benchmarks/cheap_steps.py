"""Thousands of cheap full-batch steps beside a plain PyTorch loop and a naive Lightning fit, in one process in turn.

    python -m tests.benchmarks.cheap_steps [--repeats 5]

Prints medians and ratios; nothing is asserted. gradexp's time is the whole fit, with its logger, progress bar and
checkpoints, but without the closing figures; the naive fit logs its loss by `self.log` to TensorBoard.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gradexp import compose
from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.quiet import quiet_libraries
from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule
from gradexp.objective.optimizers import build_optimizer
from tests.benchmarks.ratios import arguments, save


class Naive(LightningModule):
    """The same network and loss as people first write them down for Lightning."""

    def __init__(self, model: AbstractModule) -> None:
        super().__init__()
        self.model = model

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = self.model.loss(self.model(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return build_optimizer(self.parameters(), self.model.objective.optimizer)


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def fresh(experiment: str) -> tuple[AbstractDataModule, AbstractModule, int]:
    cfg = compose(f"+experiment={experiment}")
    torch.manual_seed(0)
    data = build_data(cfg)
    return data, build_model(cfg, data), cfg.trainer.max_epochs * cfg.data.repeat


def plain(experiment: str) -> float:
    data, model, steps = fresh(experiment)
    data.setup("fit")
    inputs, targets = data.sample(10**9)
    optimizer = build_optimizer(model.network.parameters(), model.objective.optimizer)

    def loop() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(model.loss(model.network(inputs), targets))
            optimizer.step()

    return seconds(loop)


def naive(experiment: str) -> float:
    data, model, steps = fresh(experiment)
    data.setup("fit")
    inputs, targets = data.sample(10**9)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=len(inputs))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_steps=steps,
            logger=TensorBoardLogger(folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
        )
        return seconds(lambda: trainer.fit(Naive(model), loader))


def gradexp_fit(experiment: str) -> float:
    data, model, _ = fresh(experiment)
    cfg = compose(f"+experiment={experiment}", "figures=false")
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        console = Console(file=nowhere, force_terminal=True)
        trainer = build_trainer(cfg, Path(folder), data, model, console, None)
        return seconds(lambda: trainer.fit(model, datamodule=data))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    quiet_libraries()
    table = Table("experiment", "steps", "plain loop, s", "naive Lightning", "gradexp", "gradexp / plain")
    ratios: dict[str, float] = {}
    for experiment in ("linear_regression", "himmelblau"):
        times: dict[str, list[float]] = {"plain": [], "naive": [], "ours": []}
        for _ in range(options.repeats):
            times["plain"].append(plain(experiment))
            times["naive"].append(naive(experiment))
            times["ours"].append(gradexp_fit(experiment))
        base, slow, ours = (statistics.median(times[name]) for name in ("plain", "naive", "ours"))
        steps = fresh(experiment)[2]
        table.add_row(experiment, f"{steps:,}", f"{base:.2f}", f"{slow:.2f}", f"{ours:.2f}", f"{ours / base:.2f}")
        ratios[f"{experiment}: gradexp / plain loop"] = ours / base
        ratios[f"{experiment}: naive Lightning / plain loop"] = slow / base
        print(experiment, {name: [round(value, 2) for value in values] for name, values in times.items()})
    Console().print(table)
    save(options.ratios, ratios)


if __name__ == "__main__":
    main()
