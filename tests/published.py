"""Measures again the accuracies in the README, and prints published and measured values side by side.

    python -m tests.published [--seeds 5,6,7,8,9] [--only NAME ...] [--data-dir DIR]

The published numbers are read from the README's table of experiments: those of the form "98.40 % ± 0.10". Experiments
of more than a minute, such as mnist_best, run only if --only names them.
"""

import argparse
import re
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gradexp import run

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| `(?P<name>\w+)` \|.*\| (?P<mean>[\d.]+) % ± (?P<spread>[\d.]+)", re.MULTILINE)
LONG = ("mnist_best",)


def published() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the test accuracy in per cent, by experiment."""
    return {row["name"]: (float(row["mean"]), float(row["spread"])) for row in ROW.finditer(README.read_text())}


def main() -> None:
    numbers = published()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="5,6,7,8,9")
    parser.add_argument("--only", nargs="+", choices=numbers, default=[name for name in numbers if name not in LONG])
    parser.add_argument("--data-dir", default="null")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    table = Table("experiment", "published, %", f"measured, % (seeds {options.seeds})", box=None)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            overrides = (f"+experiment={name}", f"data_dir={options.data_dir}", "figures=false")
            scores = [
                100 * run(*overrides, f"seed={seed}", f"hydra.run.dir={folder}/{name}/{seed}").metrics["test/accuracy"]
                for seed in seeds
            ]
            mean, spread = numbers[name]
            measured = f"{statistics.fmean(scores):.2f} ± {statistics.stdev(scores) if len(scores) > 1 else 0:.2f}"
            table.add_row(name, f"{mean:.2f} ± {spread:.2f}", measured)
    Console().print(table)


if __name__ == "__main__":
    main()
