"""The cost curves of a multirun's jobs in one figure."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from gradexp.figures import Array


class CompareCosts(Callback):
    """After a multirun whose jobs kept a cost_curve.csv: cost against epochs and against seconds, a curve a job.

    A PNG in ``figures/`` of the multirun's folder, and an image in its TensorBoard.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Only now what costs seconds.
        from rich.console import Console
        from torch.utils.tensorboard import SummaryWriter

        from gradexp.callbacks.publication import write_figure
        from gradexp.figures import cost_comparison

        folder = Path(config.hydra.sweep.dir)
        paths = sorted(folder.glob("*/cost_curve.csv"))
        if not paths:
            return
        tables = dict(zip(_labels([path.parent for path in paths]), map(_columns, paths), strict=True))
        by_epoch = {label: (table["epochs"], table["cost"]) for label, table in tables.items()}
        by_second = {label: (table["seconds"], table["cost"]) for label, table in tables.items()}
        figure = cost_comparison(by_epoch, by_second, f"{config.name}: cost over all training samples")
        with SummaryWriter(str(folder / "tensorboard")) as writer:
            path = write_figure(folder, "cost_comparison", figure, writer)
        Console().print(f"costs compared: {path}", markup=False, highlight=False, soft_wrap=True)


def _labels(jobs: list[Path]) -> list[str]:
    """What each job alone was typed with, in words."""
    typed = [[str(override) for override in OmegaConf.load(job / ".hydra" / "overrides.yaml")] for job in jobs]
    common = set(typed[0]).intersection(*typed) if len(typed) > 1 else set()
    labels = (", ".join(override for override in overrides if override not in common) for overrides in typed)
    return [
        label.replace("data.batch_size=null", "full batch").replace("data.batch_size=", "batches of ")
        for label in labels
    ]


def _columns(path: Path) -> "dict[str, Array]":
    import numpy as np

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
