"""How long each experiment takes as a command, imports and figures included: the times of the README's table.

    python -m tests.benchmarks.experiments [--only NAME ...] [--data-dir DIR]

Those on images of MNIST's format need DIR with the archives (DIR/MNIST/raw, DIR/FashionMNIST/raw, DIR/KMNIST/raw); an
experiment whose data cannot be had is left out, with its message. One command runs at a time, on all cores.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from gradexp.configuration.files import CONF_DIR


def seconds(name: str, data_dir: str) -> float | str:
    """The seconds that an experiment's command takes in an empty folder; what it says where it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    paths = os.pathsep.join(path for path in (str(Path.cwd()), os.environ.get("PYTHONPATH")) if path)
    command = [sys.executable, "-m", "gradexp", f"+experiment={name}", f"data_dir={data_dir}"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run = subprocess.run(
            command, capture_output=True, text=True, env=environment | {"PYTHONPATH": paths}, cwd=folder, check=False
        )
        taken = time.perf_counter() - started
    return taken if run.returncode == 0 else run.stderr.strip().rpartition("\n")[2]


def main() -> None:
    names = sorted(path.stem for path in (CONF_DIR / "experiment").glob("*.yaml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--data-dir", default="null")
    options = parser.parse_args()
    console = Console(highlight=False)
    console.print(f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}")
    for name in options.only:
        taken = seconds(name, options.data_dir)
        console.print(f"{name:<22} {taken if isinstance(taken, str) else f'{taken:.0f} s'}", markup=False)


if __name__ == "__main__":
    main()
