"""How much faster a sweep is in stacks than one by one, on the same jobs in one run.

    python -m tests.benchmarks.vectorized [--repeats 1] [--only NAME ...] [--data-dir DIR]

Each case runs as a command on the basic launcher and on the vectorized one, by turns. Of each it prints three ratios of
medians: of the fits (the jobs' "seconds/fit" added up) in one process, of the fits by the clock where the vectorized
launcher divides the jobs over the cores, and of those whole commands, imports and report included. MNIST's case needs
its archives in DIR/MNIST/raw; before it stands the time that its matrix products alone take, below which no way to
train can get. Cases of a GPU run where there is one.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from gradexp.engine.cores import core_count
from tests.benchmarks.ratios import arguments, save

RATES = "optimizer.lr=1e-3,2e-3,4e-3,8e-3"
# By name: the jobs of a sweep. {data_dir} is --data-dir.
CASES = {
    "digits, hidden 32, 64 jobs": ("model.hidden=[32]", "seed=range(16)", RATES),
    "digits, default, 64 jobs": ("seed=range(16)", RATES),
    "digits, default, 16 jobs": ("seed=range(4)", RATES),
    "digits, augmented, 16 jobs": ("+experiment=digits", "seed=range(16)"),
    "linear regression, 64 jobs": (
        "+experiment=linear_regression", "seed=range(16)", "optimizer.lr=2e-3,5e-3,1e-2,2e-2",
    ),
    "linear regression, 512 jobs": (
        "+experiment=linear_regression", "seed=range(128)", "optimizer.lr=2e-3,5e-3,1e-2,2e-2",
    ),
    "himmelblau, 64 jobs": ("+experiment=himmelblau", RATES, "seed=range(16)"),
    "mnist, 16 jobs of an epoch": (
        "+experiment=mnist", "data_dir={data_dir}", "trainer.max_epochs=1", "seed=range(4)", RATES,
    ),
    "mnist on a GPU, 64 jobs": (
        "+experiment=mnist", "data_dir={data_dir}", "trainer=gpu", "trainer.max_epochs=3", "seed=range(16)", RATES,
    ),
}  # fmt: skip
SLOW = ("linear regression, 512 jobs",)  # only asked for by --only: 20 minutes one by one
BASIC = ("hydra/launcher=basic",)
VECTORIZED = ("hydra/launcher=vectorized",)
ONE_PROCESS = (*VECTORIZED, "hydra.launcher.inner=basic")


def why_not(name: str, data_dir: str | None) -> str | None:
    """Why a case cannot run here; None if it can."""
    if data_dir is None and any("{data_dir}" in one for one in CASES[name]):
        return "it needs --data-dir DIR with MNIST's archives in DIR/MNIST/raw"
    if "trainer=gpu" in CASES[name] and not torch.cuda.is_available():
        return "there is no GPU"
    return None


def measured(overrides: tuple[str, ...]) -> tuple[float, float]:
    """Run a sweep as a command; returns the seconds of its fits and of the whole command."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gradexp", "-m", *overrides, f"hydra.sweep.dir={folder}/sweep"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=3600)
        whole = time.perf_counter() - started
        metrics = [json.loads(path.read_text()) for path in Path(folder, "sweep").glob("*/metrics.json")]
    return sum(one["seconds/fit"] for one in metrics), whole


def products_of_mnist(jobs: int) -> float:
    """Seconds that the matrix products of an epoch of the main job's MLP take on one core, for all jobs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds = []
    layers = [(torch.randn(200, i), torch.randn(o, i), torch.randn(200, o)) for i, o in ((784, 200), (200, 200))]
    for _ in range(100):
        started = time.perf_counter()
        for number, (inputs, weight, gradient) in enumerate(layers):
            _ = inputs @ weight.T, gradient.T @ inputs
            _ = gradient @ weight if number else None  # the images need no gradient
        seconds.append(time.perf_counter() - started)
    torch.set_num_threads(threads)
    return jobs * statistics.median(seconds) * 55_000 / 200


def compared(name: str, repeats: int, data_dir: str | None) -> tuple[list[str], Mapping[str, float]]:
    """A row of the table, and the ratios of a case."""
    overrides = tuple(one.format(data_dir=data_dir) for one in CASES[name])
    runs = [[measured((*overrides, *how)) for how in (BASIC, ONE_PROCESS, VECTORIZED)] for _ in range(repeats)]
    alone, in_one, in_all = (statistics.median(run[how][0] for run in runs) for how in range(3))
    by_clock = in_all / core_count()  # the processes have equal parts
    command, at_once = (statistics.median(run[how][1] for run in runs) for how in (0, 2))
    cells = (alone, in_one, alone / in_one, by_clock, alone / by_clock, command, at_once, command / at_once)
    ratios = {"fits": in_one / alone, "fits by the clock": by_clock / alone, "command": at_once / command}
    return [name, *(f"{cell:.2f}" for cell in cells)], {f"{name}: {of}": ratio for of, ratio in ratios.items()}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CASES, default=[name for name in CASES if name not in SLOW])
    parser.add_argument("--data-dir", default=None)
    options = parser.parse_args()
    console = Console()
    columns = ("in stacks", "ratio", f"in {core_count()} processes", "ratio")
    table = Table("jobs", "fits, s", *columns, "command, s", "in stacks", "ratio", box=None)
    ratios: dict[str, float] = {}
    for name in options.only:
        reason = why_not(name, options.data_dir)
        if reason is not None:
            console.print(f"{name} is left out: {reason}")
            continue
        if name == "mnist, 16 jobs of an epoch":
            console.print(f"{name}: the matrix products alone take {products_of_mnist(16):.1f} s on one core")
        row, of_case = compared(name, options.repeats, options.data_dir)
        table.add_row(*row)
        ratios |= of_case
    console.print(table)
    save(options.ratios, ratios)


if __name__ == "__main__":
    main()
