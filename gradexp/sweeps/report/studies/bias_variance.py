"""Study: bias and variance against the complexity of a model."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gradexp.figures import Array
from gradexp.figures.layout import new_panels, panel_columns, set_heading, set_title, shared_legend
from gradexp.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PINK, styled
from gradexp.reports.bias_variance import BELOW_ZERO
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.studies.study import Study, in_words

NEEDED = ("val/bias2", "val/variance", "val/error", "val/error_se", "train/error")
COLUMNS = 2  # of panels


@dataclass(frozen=True)
class Complexity:
    """One kind of model from simple to complex.

    Attributes:
        name: Above its panel.
        label: The measure of complexity.
        x: Complexities, ascending [points].
        bias2: [points].
        variance: [points].
        noise: [points]; None if unknown, and then part of bias2.
        error: Measured error [points].
        error_se: Its standard error [points].
        train: Error on the models' own training sets [points].
    """

    name: str
    label: str
    x: Array
    bias2: Array
    variance: Array
    noise: Array | None
    error: Array
    error_se: Array
    train: Array

    @property
    def total(self) -> Array:
        """The sum of the parts [points]."""
        parts = self.bias2 + self.variance
        return parts if self.noise is None else parts + self.noise


def bias_variance(results: SweepResults) -> Study:
    """The parts of the error against degree or width, a panel for each model, data set and l2."""
    families: dict[str, dict[float, Job]] = defaultdict(dict)
    for job in results.jobs:
        if job.status == "completed" and job.metrics.keys() >= set(NEEDED):
            families[_name(job)][_complexity(job)] = job
    panels = [_panel(name, dict(sorted(jobs.items()))) for name, jobs in families.items() if len(jobs) > 1]
    if not panels:
        return Study(lines=["no curve can be drawn: it needs task=bias_variance and at least two degrees or widths"])
    return Study({"bias_variance": bias_variance_curves(panels)}, [_line(panel) for panel in panels])


def _name(job: Job) -> str:
    model, data = (in_words(job.config[f"{part}._target_"]) for part in ("model", "data"))
    l2 = job.config["regularizer.l2"]
    return f"{model} on {data}" + (f", l2 {l2:g}" if l2 else "")


def _complexity(job: Job) -> float:
    """The degree of a polynomial, else the width of the first hidden layer, 0 for none."""
    widths = job.config.get("model.hidden") or [0]
    return float(job.config.get("data.degree", widths[0]))


def _panel(name: str, jobs: dict[float, Job]) -> Complexity:
    bias2, variance, error, error_se, train = (np.array([job.metrics[key] for job in jobs.values()]) for key in NEEDED)
    noises = [job.metrics["val/noise"] for job in jobs.values() if "val/noise" in job.metrics]
    has_degree = all("data.degree" in job.config for job in jobs.values())
    return Complexity(
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


def _line(panel: Complexity) -> str:
    best = int(panel.error.argmin())
    places = {"simplest": 0, "best": best, "most complex": len(panel.x) - 1}
    off = np.abs(panel.total - panel.error) / np.maximum(panel.error_se, 1e-300)
    parts = "; ".join(
        f"{word} ({panel.x[n]:g}) error {panel.error[n]:.4g} = bias² {panel.bias2[n]:.4g} + variance "
        f"{panel.variance[n]:.4g}" + (f" + noise {panel.noise[n]:.4g}" if panel.noise is not None else "")
        for word, n in places.items()
    )
    explained = f" ({BELOW_ZERO})" if (panel.bias2 < 0).any() else ""
    return f"{panel.name}: {parts}; sum and measured error are at most {off.max():.2g} standard errors apart{explained}"


@styled
def bias_variance_curves(panels: Sequence[Complexity]) -> Figure:
    """A panel for each kind of model: the parts, their sum, and the measured error with its minimum marked."""
    # The legend takes the place that the last row has free, if any, else one below all panels.
    is_free = len(panels) % panel_columns(len(panels), COLUMNS) > 0
    width, height = (6.5, 4.8) if len(panels) == 1 else (3.9, 3.6)
    figure, axes_of = new_panels(len(panels) + is_free, COLUMNS, width, height)
    handles: dict[str, Artist] = {}
    for axes, panel in zip(axes_of, panels, strict=False):
        top, bottom = panel.error.max(), panel.error.min()
        bias2 = panel.bias2
        if top > 10 * bottom > 0:  # else the minimum could not be seen
            axes.set_yscale("log")
            # The estimate of a square near zero may be negative, which a logarithmic axis cannot show.
            bias2 = np.where(bias2 > 0, bias2, np.nan)
        axes.plot(panel.x, bias2, "o-", color=BLUE, label="bias²")
        axes.plot(panel.x, panel.variance, "s--", color=ORANGE, label="variance")
        if panel.noise is not None:
            axes.plot(panel.x, panel.noise, ":", color=GREY, label="noise")
        axes.plot(panel.x, panel.total, "-", color=INK, label="their sum")
        axes.errorbar(
            panel.x, panel.error, yerr=panel.error_se, fmt="x", color="black", capsize=3,
            label="measured error ± standard error",
        )  # fmt: skip
        axes.plot(panel.x, panel.train, "^-.", color=GREEN, label="training error")
        best = panel.x[int(panel.error.argmin())]
        axes.axvline(best, color=PINK, linestyle=":", label="least error")
        axes.set(xlabel=panel.label, ylabel="squared error")
        set_title(axes, f"{panel.name}\nleast error at {best:g}")
        if panel.x.max() > 20 * panel.x.min() > 0:
            axes.set_xscale("log")
            axes.set_xticks(panel.x, [f"{value:g}" for value in panel.x])
            axes.minorticks_off()
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
        handles |= {str(one.get_label()): one for one in axes.get_legend_handles_labels()[0]}
        if np.isnan(bias2).any():
            handles["left out"] = Line2D([], [], linestyle="", label="not drawn: estimates of bias² below 0")
    set_heading(figure, "Bias, variance and error against the complexity of the model")
    if is_free:
        axes_of[-1].set_axis_off()
        axes_of[-1].legend(handles=list(handles.values()), loc="center", frameon=False)
    else:
        shared_legend(figure, list(handles.values()))
    return figure
