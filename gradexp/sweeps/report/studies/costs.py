"""Study: the cost of each job against epochs and against seconds."""

import csv
from pathlib import Path

import numpy as np

from gradexp import figures
from gradexp.figures import Array
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.studies.study import Study

COSTS = "cost_curve.csv"  # written by gradexp.callbacks.CostCurve into a job's folder


def costs(results: SweepResults) -> Study:
    """One curve per job that recorded its cost."""
    tables = {_label(job.label): _columns(job.folder / COSTS) for job in results.jobs if (job.folder / COSTS).is_file()}
    if not tables:
        return Study(lines=["no job has recorded its cost, as callbacks.cost_curve does"])
    by_epoch = {label: (table["epochs"], table["cost"]) for label, table in tables.items()}
    by_second = {label: (table["seconds"], table["cost"]) for label, table in tables.items()}
    title = f"{results.name}: cost over all training samples"
    return Study({"cost_comparison": figures.cost_comparison(by_epoch, by_second, title)})


def _label(settings: str) -> str:
    return settings.replace("data.batch_size=null", "full batch").replace("data.batch_size=", "batches of ")


def _columns(path: Path) -> dict[str, Array]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
