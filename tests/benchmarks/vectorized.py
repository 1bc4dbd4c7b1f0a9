"""How much faster a sweep is in stacks than one by one, on the same jobs in one run.

    python -m tests.benchmarks.vectorized [--repeats 1] [--only NAME ...]

Each case runs as a command on the basic launcher and on the vectorized one, by turns. Of each it prints two ratios of
medians: of the fits (the jobs' "seconds/fit" added up) and of the whole commands, imports and report included.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.ratios import arguments, save

# By name: the jobs of a sweep, and the launchers that are compared with the basic one.
CASES = {
    "digits, hidden 32, 64 jobs": ("model.hidden=[32]", "seed=range(16)", "optimizer.lr=1e-3,2e-3,4e-3,8e-3"),
    "digits, default, 64 jobs": ("seed=range(16)", "optimizer.lr=1e-3,2e-3,4e-3,8e-3"),
    "digits, augmented, 16 jobs": ("+experiment=digits", "seed=range(16)"),
    "linear regression, 64 jobs": (
        "+experiment=linear_regression", "seed=range(16)", "optimizer.lr=2e-3,5e-3,1e-2,2e-2",
    ),
    "himmelblau, 16 jobs": ("+experiment=himmelblau", "optimizer.lr=1e-3,3e-3,1e-2,3e-2", "seed=range(4)"),
}  # fmt: skip
LAUNCHERS = {"basic": (), "vectorized": ("hydra/launcher=vectorized",)}


def measured(overrides: tuple[str, ...]) -> tuple[float, float]:
    """Run a sweep as a command; returns the seconds of its fits and of the whole command."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gradexp", "-m", *overrides, f"hydra.sweep.dir={folder}/sweep"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=1800)
        whole = time.perf_counter() - started
        metrics = [json.loads(path.read_text()) for path in Path(folder, "sweep").glob("*/metrics.json")]
    return sum(one["seconds/fit"] for one in metrics), whole


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    table = Table("jobs", "fits, s", "in stacks", "ratio", "command, s", "in stacks", "ratio", box=None)
    ratios: dict[str, float] = {}
    for name in options.only:
        seconds: dict[str, list[tuple[float, float]]] = {launcher: [] for launcher in LAUNCHERS}
        for _ in range(options.repeats):
            for launcher, override in LAUNCHERS.items():
                seconds[launcher].append(measured((*CASES[name], *override)))
        medians = [
            [statistics.median(one[part] for one in seconds[launcher]) for launcher in LAUNCHERS] for part in (0, 1)
        ]
        cells = [cell for alone, at_once in medians for cell in (alone, at_once, alone / at_once)]
        table.add_row(name, *(f"{cell:.2f}" for cell in cells))
        ratios |= {f"{name}: fits": medians[0][1] / medians[0][0], f"{name}: command": medians[1][1] / medians[1][0]}
    Console().print(table)
    save(options.ratios, ratios)


if __name__ == "__main__":
    main()
