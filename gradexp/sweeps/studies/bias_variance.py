"""Bias and variance against complexity: what a model cannot learn, and what it learns of the sample alone."""

from collections import defaultdict

import numpy as np

from gradexp import figures
from gradexp.sweeps.results import Job, SweepResults
from gradexp.sweeps.studies.study import Study

NEEDED = ("val/bias2", "val/variance", "val/error", "val/error_se", "train/error")


def bias_variance(results: SweepResults) -> Study:
    """A panel for each model, data and l2: the parts of the error against degree or width."""
    families: dict[str, dict[float, Job]] = defaultdict(dict)
    for job in results.jobs:
        if job.status == "completed" and job.metrics.keys() >= set(NEEDED):
            families[_name(job)][_complexity(job)] = job
    panels = [_panel(name, dict(sorted(jobs.items()))) for name, jobs in families.items() if len(jobs) > 1]
    if not panels:
        return Study(lines=["no curve can be drawn: it takes two degrees or widths, and task=bias_variance"])
    return Study({"bias_variance": figures.bias_variance_curves(panels)}, [_told(panel) for panel in panels])


def _name(job: Job) -> str:
    model, data = (str(job.config[f"{part}._target_"]).rpartition(".")[2] for part in ("model", "data"))
    l2 = job.config["regularizer.l2"]
    return f"{model}, {data}" + (f", l2 {l2:g}" if l2 else "")


def _complexity(job: Job) -> float:
    """The degree of a polynomial, else the width of the first hidden layer, 0 for none."""
    widths = job.config.get("model.hidden") or [0]
    return float(job.config.get("data.degree", widths[0]))


def _panel(name: str, jobs: dict[float, Job]) -> figures.Complexity:
    bias2, variance, error, error_se, train = (np.array([job.metrics[key] for job in jobs.values()]) for key in NEEDED)
    noises = [job.metrics["val/noise"] for job in jobs.values() if "val/noise" in job.metrics]
    has_degree = all("data.degree" in job.config for job in jobs.values())
    return figures.Complexity(
        name=name,
        label="degree" if has_degree else "width of the first hidden layer",
        x=np.array(list(jobs)),
        bias2=bias2,
        variance=variance,
        noise=np.array(noises) if len(noises) == len(jobs) else None,
        error=error,
        error_se=error_se,
        train=train,
    )


def _told(panel: figures.Complexity) -> str:
    best = int(panel.error.argmin())
    places = {"simplest": 0, "best": best, "most complex": len(panel.x) - 1}
    off = np.abs(panel.total - panel.error) / np.maximum(panel.error_se, 1e-300)
    parts = "; ".join(
        f"{word} ({panel.x[n]:g}) error {panel.error[n]:.4g} = bias² {panel.bias2[n]:.4g} + variance "
        f"{panel.variance[n]:.4g}" + (f" + noise {panel.noise[n]:.4g}" if panel.noise is not None else "")
        for word, n in places.items()
    )
    return f"{panel.name}: {parts}; sum and measured error are at most {off.max():.2g} standard errors apart"
