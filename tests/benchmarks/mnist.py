"""Speed and memory of `+experiment=mnist` beside a plain PyTorch loop and the tutorial's loop, in one process in turn.

    python -m tests.benchmarks.mnist [--data-dir DIR] [--repeats 5]

Prints medians and ratios; nothing is asserted. The archives must lie in DIR/MNIST/raw.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from gradexp import compose
from gradexp.app.assembly import build_data, build_model, build_trainer
from gradexp.app.quiet import quiet_libraries
from gradexp.data import AbstractDataModule
from gradexp.models import AbstractModule
from gradexp.objective.optimizers import build_optimizer
from gradexp.objective.schedules import Fit, build_schedules
from tests.benchmarks.ratios import arguments, save

# Linux's own high-water mark of this process: what wait4 gives begins with the size of the process that forked.
MAIN_JOB = """
import atexit, re, sys
from pathlib import Path
from gradexp.app.command_line import cli
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024
atexit.register(lambda: Path(sys.argv[-1].partition("=")[2], "peak").write_text(str(peak())))
cli()
"""
BARE_HYDRA_APP = """
import hydra
@hydra.main(config_path=None, config_name=None, version_base="1.3")
def main(cfg): ...
main()
"""


class EpochTimes(Callback):
    """Seconds of each training epoch: the steps with all their hooks, without validation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def fresh(cfg: DictConfig) -> tuple[AbstractDataModule, AbstractModule]:
    torch.manual_seed(0)
    data = build_data(cfg)
    return data, build_model(cfg, data)


def gradexp_fit(cfg: DictConfig) -> tuple[list[float], float]:
    """Seconds of each epoch, and of the fit with validation and checkpoints; logger and progress bar on."""
    data, model = fresh(cfg)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        console = Console(file=nowhere, force_terminal=True)
        trainer = build_trainer(cfg, Path(folder), data, model, console, None)
        times = EpochTimes()
        trainer.callbacks.append(times)  # type: ignore[attr-defined]  # after the checkpoint of the epoch before
        data.prepare_data()
        data.setup("fit")
        total = seconds(lambda: trainer.fit(model, datamodule=data))
    return times.seconds, total


def plain_epochs(cfg: DictConfig, inputs: Tensor, targets: Tensor, fused: bool) -> list[float]:
    """Seconds of each epoch of a loop with the same network, optimizer, schedule and batch size.

    Args:
        cfg: The configuration.
        inputs: All training images.
        targets: Their classes.
        fused: Use the optimizer's fused form as our configuration does, which few people's loops do.
    """
    network = fresh(cfg)[1].network
    epochs, batch_size = cfg.trainer.max_epochs, cfg.data.batch_size
    optimizer = build_optimizer(network.parameters(), dict(cfg.optimizer) | {"fused": fused})
    steps = epochs * -(-len(inputs) // batch_size)
    schedules = build_schedules(optimizer, cfg.scheduler, Fit(lambda: steps, "val/accuracy", "max"))

    def epoch() -> None:
        for batch in torch.split(torch.randperm(len(inputs)), batch_size):
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(inputs[batch]), targets[batch]))
            optimizer.step()
            for schedule in schedules:
                schedule["scheduler"].step()

    return [seconds(epoch) for _ in range(epochs)]


def tutorial_epoch(cfg: DictConfig, folder: str) -> tuple[float, float]:
    """Seconds of a training epoch and of a test by the tutorial's per-image DataLoader, without workers."""
    network = fresh(cfg)[1].network
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    optimizer = build_optimizer(network.parameters(), cfg.optimizer)
    train = DataLoader(datasets.MNIST(folder, train=True, transform=transform), batch_size=200, shuffle=True)
    test = DataLoader(datasets.MNIST(folder, train=False, transform=transform), batch_size=200)

    def epoch() -> None:
        for inputs, targets in train:
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(inputs), targets))
            optimizer.step()

    def evaluate() -> None:
        with torch.no_grad():
            sum((network(inputs).argmax(1) == targets).sum().item() for inputs, targets in test)

    return seconds(epoch) * 55_000 / 60_000, seconds(evaluate)


def gradexp_test(cfg: DictConfig) -> float:
    """Seconds to evaluate the test images, by Trainer.test, data in memory."""
    data, model = fresh(cfg)
    data.prepare_data()
    data.setup("test")
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    return seconds(lambda: trainer.test(model, datamodule=data, verbose=False))


def whole_command(arguments: list[str], code: str | None = None) -> float:
    """Seconds of a whole process."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "gradexp"]), *arguments]
    return seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    quiet_libraries()
    overrides = ["+experiment=mnist", f"data_dir={options.data_dir or 'null'}"]
    cfg = compose(*overrides, f"trainer.max_epochs={options.epochs}", "figures=false")
    data, _ = fresh(cfg)
    data.prepare_data()
    data.setup("fit")
    inputs, targets = data.sample(data.sizes()["train"])
    folder = str(getattr(data, "data_dir", ""))

    ours: list[float] = []
    fits: list[float] = []
    plain: list[float] = []
    plain_fused: list[float] = []
    tutorial: list[tuple[float, float]] = []
    tests: list[float] = []
    for repeat in range(options.repeats):
        plain += plain_epochs(cfg, inputs, targets, fused=False)
        plain_fused += plain_epochs(cfg, inputs, targets, fused=True)
        epochs, fit = gradexp_fit(cfg)
        ours += epochs
        fits.append(fit / options.epochs)
        tests.append(gradexp_test(cfg))
        if repeat < 2:
            tutorial.append(tutorial_epoch(cfg, folder))
    base = statistics.median(plain)
    table = Table("seconds an epoch (55,000 images)", "median", "ratio to the plain loop")
    for name, values in (
        ("plain loop over preloaded tensors", plain),
        ("the same, fused AdamW", plain_fused),
        ("gradexp, logger and progress on", ours),
        ("gradexp, with validation and checkpoints", fits),
        ("tutorial's per-image DataLoader", [train for train, _ in tutorial]),
    ):
        table.add_row(name, f"{statistics.median(values):.3f}", f"{statistics.median(values) / base:.2f}")
    console = Console()
    console.print(table)
    slow, fast = statistics.median(test for _, test in tutorial), statistics.median(tests)
    console.print(f"test of 10,000 images: tutorial {slow:.2f} s, gradexp {fast:.3f} s, {slow / fast:.1f} times faster")

    with tempfile.TemporaryDirectory() as run_folder:
        imports, walls, outside, peaks = [], [], [], []
        for repeat in range(3):
            target = f"{run_folder}/{repeat}"
            imports.append(whole_command([], "import gradexp.app.tasks"))
            wall = whole_command([*overrides, f"hydra.run.dir={target}"], MAIN_JOB)
            fit = json.loads((Path(target) / "metrics.json").read_text())["seconds/fit"]
            walls.append(wall)
            outside.append(wall - fit - imports[-1])
            peaks.append(float((Path(target) / "peak").read_text()))
    console.print(
        f"whole command: {statistics.median(walls):.1f} s, of which imports {statistics.median(imports):.1f} s, "
        f"outside imports and the fit {statistics.median(outside):.1f} s; peak memory {max(peaks):.0f} MB"
    )
    helps = [whole_command(["--help"]) for _ in range(options.repeats)]
    bare = [whole_command(["--help"], BARE_HYDRA_APP) for _ in range(options.repeats)]
    ratio = statistics.median(helps) / statistics.median(bare)
    console.print(
        f"--help: {statistics.median(helps):.2f} s, a bare Hydra app {statistics.median(bare):.2f} s, {ratio:.2f} times"
    )
    fused = statistics.median(plain_fused)
    save(
        options.ratios,
        {
            "an epoch: gradexp / plain loop, fused": statistics.median(ours) / fused,
            "an epoch with validation and checkpoints / plain loop, fused": statistics.median(fits) / fused,
            "test: gradexp / tutorial": fast / slow,
            "--help: gradexp / a bare Hydra app": ratio,
        },
    )


if __name__ == "__main__":
    main()
