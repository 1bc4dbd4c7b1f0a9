"""What the live diagnostics cost an epoch of MNIST.

    python -m tests.benchmarks.diagnostics --data-dir FOLDER [--repeats 5]

Fits of the main job's model with and without the callback at its defaults, in turn, in one process; FOLDER has MNIST's
archives in MNIST/raw/. Prints medians and ratios; nothing is asserted.
"""

import statistics
import tempfile

from rich.console import Console
from rich.table import Table

from gradexp import run
from tests.benchmarks.ratios import arguments, save

EPOCHS = 4
DIAGNOSTICS = "+callbacks=diagnostics"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cases = {
        "without": [],
        "with, at the defaults": [DIAGNOSTICS],
        "with, but no histograms": [
            DIAGNOSTICS,
            "callbacks.diagnostics.quantities=[grad_norm,update_ratio,weight_norm,zero_gradients,dead_units]",
        ],
    }
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(options.repeats + 1):
            for number, (name, extra) in enumerate(cases.items()):
                place = f"hydra.run.dir={folder}/{repeat}-{number}"
                settings = [f"data_dir={options.data_dir}", f"trainer.max_epochs={EPOCHS}", "figures=false"]
                result = run("+experiment=mnist", *settings, "test=false", "progress=false", place, *extra)
                if repeat:  # the first round warms up
                    seconds[name].append(result.metrics["seconds/fit"] / EPOCHS)
    table = Table("diagnostics", "seconds an epoch", "ratio in a round", "ratio of the fastest", box=None)
    base = seconds["without"]
    ratios: dict[str, float] = {}
    for name, values in seconds.items():
        # Each is set against the fit without it that ran just before, as the machine is not the same for long.
        paired = statistics.median(value / other for value, other in zip(values, base, strict=True))
        ratios[f"an epoch {name} / without"] = paired
        fastest = min(values) / min(base)
        table.add_row(name, f"{statistics.median(values):.3f}", f"{paired:.3f}", f"{fastest:.3f}")
    Console().print(table)
    del ratios["an epoch without / without"]
    save(options.ratios, ratios)


if __name__ == "__main__":
    main()
