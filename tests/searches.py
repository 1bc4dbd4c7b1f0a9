"""Searches against grids and random search, by their winners at fresh seeds: python -m tests.searches FOLDER

Five searches of 40 trials by TPE, five at random with the same races, and two grids of 200 jobs: 200 settings with one
seed each, and 66 with three. Each winner then trains at ten seeds that chose nothing; the lower their mean val/loss,
the better. A folder that exists is resumed.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import gradexp
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.repeats import without_repeats

PROBLEM = (
    "model.hidden=[32]", "data.batch_size=64", "trainer.max_epochs=8", "monitor=val/loss", "test=false",
    "hydra/launcher=vectorized",
)  # fmt: skip
QUIET = ("progress=false", "~hydra.callbacks.write_report")
SPACE = (
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "model.dropout=interval(0.01,0.5)",
    "regularizer.l2=tag(log,interval(1e-6,1e-2))",
)
RATES = "optimizer.lr=1e-4,2.7e-4,7.2e-4,1.9e-3,5.2e-3,1.4e-2,3.7e-2,1e-1"
GRIDS = {
    "grid of 200 settings": (RATES, "model.dropout=0.01,0.1,0.2,0.35,0.5", "regularizer.l2=1e-6,1e-5,1e-4,1e-3,1e-2"),
    "grid of 66 settings, 3 seeds": (
        "optimizer.lr=1e-4,2e-4,4e-4,8e-4,1.6e-3,3.2e-3,6.3e-3,1.3e-2,2.5e-2,5e-2,1e-1",
        "model.dropout=0.01,0.2,0.4",
        "regularizer.l2=1e-6,1e-3",
        "seed=0,1,2",
    ),
}
FRESH = range(1000, 1010)


def winner(folder: Path, *line: str) -> dict[str, Any]:
    """The best setting of a sweep."""
    found = gradexp.sweep(*PROBLEM, *QUIET, *line, f"hydra.sweep.dir={folder}")
    return without_repeats(found.best.jobs[0].settings)


def fresh(folder: Path, setting: Mapping[str, Any]) -> float:
    """The mean validation loss of a setting at fresh seeds."""
    line = [f"{key}={text(value)}" for key, value in setting.items()]
    found = gradexp.sweep(*PROBLEM, *QUIET, *line, f"seed={','.join(map(str, FRESH))}", f"hydra.sweep.dir={folder}")
    return fmean(found.table["best/val/loss"].to_list())


def main(root: Path) -> None:
    """Run all, and print a line for each winner and the two ratios."""
    losses: dict[str, list[float]] = {}
    lines = {name: [axes] for name, axes in GRIDS.items()}
    search = (*SPACE, "hydra/sweeper=optuna", "search.trials=40", "search.fresh=0")
    for sampler in ("tpe", "random"):
        lines[sampler] = [(*search, f"search.sampler={sampler}", f"search.seed={seed}") for seed in range(5)]
    for name, runs in lines.items():
        for number, line in enumerate(runs):
            folder = root / f"{name.replace(' ', '_').replace(',', '')}_{number}"
            setting = winner(folder, *line)
            loss = fresh(Path(f"{folder}_fresh"), setting)
            losses.setdefault(name, []).append(loss)
            jobs = len(list(folder.glob("*/metrics.json")))
            print(f"{name} {number}: {jobs} jobs, {setting}, val/loss at 10 fresh seeds {loss:.4f}", flush=True)
    means = {name: fmean(found) for name, found in losses.items()}
    for name in (*GRIDS, "random"):
        print(f"tpe / {name}: {means['tpe']:.4f} / {means[name]:.4f} = {means['tpe'] / means[name]:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
