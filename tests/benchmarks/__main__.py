"""All benchmarks, one after the other, and one table of their ratios beside the ones recorded last.

    python -m tests.benchmarks [--data-dir DIR] [--only NAME ...] [--record]

Each benchmark runs in a process of its own, with the repeats below. Those of MNIST need DIR/MNIST/raw with the archives
and are left out without it. --record keeps the ratios in recorded.json beside this file, for the next comparison.
A smaller ratio is better throughout.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RECORDED = Path(__file__).with_name("recorded.json")
# Arguments by benchmark; {data_dir} is --data-dir.
BENCHMARKS = {
    "mnist": ["--data-dir", "{data_dir}", "--repeats", "3"],
    "cheap_steps": ["--repeats", "3"],
    "table": ["--repeats", "3"],
    "sweep": ["--jobs", "50"],
    "diagnostics": ["--data-dir", "{data_dir}", "--repeats", "3"],
    "threads": ["--repeats", "3"],
    "vectorized": ["--repeats", "1"],
}


def measured(name: str, data_dir: str) -> dict[str, float]:
    """Run a benchmark, whose own tables are printed, and give its ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratios.json"
        arguments = [argument.format(data_dir=data_dir) for argument in BENCHMARKS[name]]
        subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments, "--ratios", str(path)], check=True
        )
        ratios: dict[str, float] = json.loads(path.read_text())
        return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    recorded: dict[str, Any] = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}
    console = Console()
    table = Table("benchmark", "ratio", "now", "recorded", "now / recorded", box=None)
    for name in options.only:
        if "{data_dir}" in BENCHMARKS[name] and options.data_dir is None:
            console.print(f"{name} is left out: it needs --data-dir DIR with MNIST's archives in DIR/MNIST/raw")
            continue
        console.rule(name)
        last = recorded.get(name, {})
        ratios = measured(name, options.data_dir or "")
        for what, ratio in ratios.items():
            before = last.get(what)
            beside = (f"{before:.2f}", f"{ratio / before:.2f}") if before else ("", "")
            table.add_row(name, what, f"{ratio:.2f}", *beside)
        recorded[name] = ratios
    recorded["machine"] = (
        f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    console.rule("all")
    console.print(table)
    if options.record:
        RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")


if __name__ == "__main__":
    main()
