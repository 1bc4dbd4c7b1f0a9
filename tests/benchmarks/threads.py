"""What threads cost and bring: steps on one and on all cores, quiet and beside other work, and the default run there.

    python -m tests.benchmarks.threads [--repeats 5] [--data-dir DIR]

Prints medians and ratios; nothing is asserted. Beside other work means beside as many spinning processes as there are
cores. OMP_WAIT_POLICY is read when torch is imported, so each policy has a process of its own. With DIR, whose
MNIST/raw holds the archives, it also trains two epochs of `+experiment=mnist` under each policy.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.ratios import arguments, save

SPIN = "while True: pass"
# Milliseconds a step of an MLP of two hidden layers of 200 on 784 numbers, by batch size and number of threads.
STEPS = """
import json, time, statistics, torch
from torch import nn
from gradexp.engine.cores import core_count
from gradexp.engine.threads import operations_per_step

def milliseconds(batch_size, threads, steps=50):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    inputs, targets = torch.randn(batch_size, 784), torch.randint(0, 10, (batch_size,))
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    times = []
    for _ in range(5 + steps):
        started = time.perf_counter()
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(network(inputs), targets))
        optimizer.step()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.mean(times[5:])

network = nn.Sequential(nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10))
found = {}
for batch_size in (8, 32, 64, 100, 200, 400):
    operations = operations_per_step(network, torch.zeros(1, 784), batch_size)
    found[operations] = [milliseconds(batch_size, threads) for threads in (1, core_count())]
print(json.dumps(found))
"""


@contextmanager
def other_work(processes: int) -> Iterator[None]:
    """Processes that spin meanwhile."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def environment(policy: str | None) -> dict[str, str]:
    given = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    return given | ({"OMP_WAIT_POLICY": policy} if policy else {})


def step_times(policy: str | None) -> dict[int, list[float]]:
    """Milliseconds on one thread and on all cores, by operations a step."""
    done = subprocess.run(
        [sys.executable, "-c", STEPS], env=environment(policy), capture_output=True, text=True, check=True
    )
    found: Mapping[str, list[float]] = json.loads(done.stdout)
    return {int(operations): times for operations, times in found.items()}


def fit_seconds(*overrides: str, policy: str | None = None) -> tuple[float, int]:
    """Seconds of the fit of a run, and its threads."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gradexp", *overrides, f"hydra.run.dir={folder}", "figures=false"]
        subprocess.run(command, env=environment(policy), stdout=subprocess.DEVNULL, check=True)
        metrics = json.loads((Path(folder) / "metrics.json").read_text())
        return metrics["seconds/fit"], metrics["threads"]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data-dir", default=None)
    options = parser.parse_args()
    cores, console = len(os.sched_getaffinity(0)), Console()

    table = Table("million operations a step", "one thread, ms", "all cores", "ratio", "all cores, passive", "ratio")
    times: dict[str | None, list[dict[int, list[float]]]] = {None: [], "PASSIVE": []}
    for _ in range(options.repeats):
        for policy, found in times.items():
            found.append(step_times(policy))
    for operations in times[None][0]:
        one = statistics.median(found[operations][0] for found in times[None])
        active, passive = (statistics.median(found[operations][1] for found in times[p]) for p in (None, "PASSIVE"))
        numbers = (f"{one:.2f}", f"{active:.2f}", f"{active / one:.2f}", f"{passive:.2f}", f"{passive / one:.2f}")
        table.add_row(f"{operations / 1e6:.0f}", *numbers)
    console.print(table)

    quiet, busy = [], []
    for _ in range(options.repeats):
        quiet.append(fit_seconds()[0])
        with other_work(cores):
            seconds, threads = fit_seconds()
            busy.append(seconds)
    ratio = statistics.median(busy) / statistics.median(quiet)
    console.print(
        f"the default run's fit, threads {threads}: {statistics.median(quiet):.2f} s quiet, "
        f"{statistics.median(busy):.2f} s beside {cores} spinning processes, {ratio:.2f} times"
    )
    save(options.ratios, {"the default fit, beside spinning processes / quiet": ratio})
    if options.data_dir:
        mnist = ("+experiment=mnist", f"data_dir={options.data_dir}", "trainer.max_epochs=2")
        fits: dict[str | None, list[float]] = {None: [], "PASSIVE": []}
        for _ in range(options.repeats):
            for policy, seconds_of in fits.items():
                seconds, threads = fit_seconds(*mnist, policy=policy)
                seconds_of.append(seconds)
        active, passive = (statistics.median(values) for values in fits.values())
        console.print(
            f"mnist, 2 epochs, threads {threads}: {active:.2f} s, with OMP_WAIT_POLICY=PASSIVE {passive:.2f} s, "
            f"{passive / active:.2f} times"
        )


if __name__ == "__main__":
    main()
