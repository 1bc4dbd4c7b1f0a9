"""What a job of a sweep costs beside its fit, and what it leaves behind in memory.

    python -m tests.benchmarks.sweep [--jobs 100]

One multirun of small jobs (the default MLP on the digits, one epoch, then the test) through the real command line, by
the basic launcher, in one process. Prints medians; nothing is asserted. A job's time is from one job's end to the next
one's: composing, folders, data, trainer, checkpoints, event files, test. The fit is what the job calls "seconds/fit".
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from gradexp.app.command_line import cli
from tests.benchmarks.ratios import arguments, save

WARM_UP = 5  # jobs: the first ones import what the others find
MIB = 2**20

_ends: list[float] = []
_memory: list[float] = []


class Gauge(Callback):
    """Hydra's callback: when each job ends, and the memory of the process then."""

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        # Under the name that Hydra imports; run as a script this module has another one.
        gauges = sys.modules["__main__"]
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        gauges._ends.append(time.perf_counter())
        gauges._memory.append(pages * os.sysconf("SC_PAGESIZE") / MIB)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    options = parser.parse_args()
    jobs = options.jobs
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = [
            "gradexp",
            "-m",
            f"seed=range({jobs + WARM_UP})",
            "trainer.max_epochs=1",
            f"hydra.sweep.dir={folder}",
            "+hydra.callbacks.gauge._target_=tests.benchmarks.sweep.Gauge",
        ]
        cli()
        fits = [
            json.loads((Path(folder) / str(n) / "metrics.json").read_text())["seconds/fit"]
            for n in range(jobs + WARM_UP)
        ]
    whole = np.diff(_ends)[WARM_UP - 1 :]
    beside = whole - np.array(fits[WARM_UP:])
    table = Table("seconds, medians", f"of {jobs} jobs", "ratio to the fit", box=None)
    fit = statistics.median(fits[WARM_UP:])
    for name, values in (("the fit", fits[WARM_UP:]), ("beside the fit", beside), ("a job", whole)):
        table.add_row(name, f"{np.median(values):.3f}", f"{np.median(values) / fit:.2f}")
    table.add_row("beside the fit, 90th percentile", f"{np.quantile(beside, 0.9):.3f}", "")
    Console().print(table)
    slope = 100 * np.polyfit(np.arange(len(_memory) - WARM_UP), _memory[WARM_UP:], 1)[0]
    print(f"memory: {_memory[WARM_UP]:.0f} MiB after {WARM_UP} jobs, {_memory[-1]:.0f} MiB at the end; ", end="")
    print(f"{slope:+.2f} MiB in 100 jobs")
    save(options.ratios, {"a job / its fit": float(np.median(whole)) / fit})


if __name__ == "__main__":
    main()
