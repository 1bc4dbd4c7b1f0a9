"""The figures of a run's page as matplotlib figures, for papers: curves, calibration, residuals, most wrong images."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gradexp import figures
from gradexp.figures.curves import scale_to
from gradexp.figures.encoding import encoded
from gradexp.figures.layout import area, legend_below, new_figure, set_title
from gradexp.figures.style import GREY, ORANGE, SKY, draw_line, literal, styled
from gradexp.reports.calibration import BINS, Calibration
from gradexp.reports.examination import Array
from gradexp.sweeps.report.job_curves import thinned
from gradexp.sweeps.report.learning_curves import Curve
from gradexp.sweeps.report.metric_axes import end_at_bounds
from gradexp.sweeps.report.page_parts import paper_links
from gradexp.sweeps.report.ranking import bounds
from gradexp.sweeps.report.run.run_figures import MOST_LINES, evenly

CHANNELS = (1, 3)  # of images that are grey or in colour


def links(name: str, figure: Figure) -> list[dict[str, str]]:
    """The figure within the page as SVG and PDF, in the size that `figures_as` asks for."""
    return paper_links(name, encoded(figure, ("svg", "pdf")))


@styled
def curve_figure(name: str, group: Mapping[str, Curve], metrics: Mapping[str, Any]) -> Figure:
    """The curves of a group against steps, with the step of the weights that are tested."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    shown = dict(list(group.items())[:MOST_LINES])
    for place, (tag, curve) in enumerate(shown.items()):
        draw_line(axes, *thinned(curve), place, literal(tag))
    best = metrics.get("best/step")
    if best is not None and any(tag.startswith("val/") for tag in shown):
        axes.axvline(best, color=GREY, linestyle=":", label="weights that are tested")
    axes.set(xlabel="steps", ylabel=literal(name))
    values = [np.asarray(values, float) for _, values in shown.values()]
    if math.isinf(bounds(name)[1]):
        scale_to(axes, values)
    else:
        axes.grid()
        end_at_bounds(axes, name)
    legend_below(axes)
    return figure


@styled
def reliability(found: Calibration) -> Figure:
    """Accuracy against confidence by bins; a calibrated model lies on the diagonal."""
    figure = new_figure(5.5, 5.5)
    axes = figure.subplots()
    share = np.array(found.counts) / sum(found.counts)
    axes.bar(found.confidence, share, width=0.5 / BINS, color=SKY, alpha=0.5, label="share of the samples")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="calibrated")
    axes.plot(found.confidence, found.accuracy, color=ORANGE, marker="o", label="accuracy")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    set_title(axes, f"Expected calibration error {found.error:.4f}")
    axes.grid()
    legend_below(axes)
    return figure


def predicted_against_true(predicted: Array, true: Array) -> Figure:
    """Predictions over targets [samples]: a perfect regression lies on the diagonal."""
    return figures.predicted_against_true(*_some(predicted, true), "Predicted against true")


@styled
def residuals(predicted: Array, true: Array) -> Figure:
    """Residuals over predictions [samples]: a good model leaves no pattern."""
    predicted, true = _some(predicted, true)
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    size = area(12 if len(true) > 50 else 50)
    axes.scatter(predicted, predicted - true, s=size, alpha=0.5, zorder=3, color=ORANGE)
    axes.axhline(0, color=GREY, linestyle="--")
    axes.set(xlabel="predicted", ylabel="predicted - true")
    axes.grid()
    return figure


def most_wrong(images: Array, words: Sequence[str]) -> Figure | None:
    """The images [images, channels, height, width] with words above them; None if they are neither grey nor colour."""
    if images.shape[1] not in CHANNELS:
        return None
    return figures.image_grid(images, words, "Most wrong images")


def _some(predicted: Array, true: Array) -> tuple[Array, Array]:
    """As many finite samples as the page draws."""
    chosen = evenly(len(true))
    chosen = chosen[np.isfinite(predicted[chosen]) & np.isfinite(true[chosen])]
    return predicted[chosen], true[chosen]
