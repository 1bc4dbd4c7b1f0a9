"""A comparison as a figure: every seed a dot, with mean and interval."""

import numpy as np
from matplotlib.figure import Figure

from gradexp.sweeps.report.comparison.compare import Comparison

MOST = 20  # settings
COLOURS = ("#0072B2", "#D55E00")  # of the others and of the reference: told apart by colour-blind readers
LONGEST = 60  # characters of a label


def figure(comparison: Comparison) -> Figure:
    """Every score a dot, the mean a line, its 95 % interval a bar; the best settings on top, the reference marked."""
    shown = comparison.settings[:MOST]
    if comparison.reference >= MOST:
        shown = [*shown[:-1], comparison.settings[comparison.reference]]
    reference = comparison.settings[comparison.reference]
    drawn = Figure(figsize=(7.5, 1.4 + 0.42 * len(shown)), layout="constrained")
    axes = drawn.subplots()
    for place, one in enumerate(shown):
        colour = COLOURS[one is reference]
        scores = np.array(list(one.scores.values()))
        offsets = 0.22 * np.sin(2.4 * np.arange(len(scores)))  # so that equal scores stay visible
        axes.plot(scores, place + offsets, "o", markersize=4, alpha=0.6, color=colour, markeredgewidth=0)
        axes.plot([one.mean] * 2, [place - 0.35, place + 0.35], color=colour, linewidth=2)
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], color=colour, linewidth=1, marker="|", markersize=6)
    labels = [one.label if len(one.label) <= LONGEST else f"{one.label[: LONGEST - 1]}…" for one in shown]
    axes.set_yticks(range(len(shown)), [label.replace("$", r"\$") for label in labels], fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    more = len(comparison.settings) - len(shown)
    title = f"every {comparison.unit} a dot; mean and 95 % interval" + (
        f" (the best {MOST} settings, {more} more)" if more else ""
    )
    axes.set_xlabel(comparison.metric.name)
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    return drawn
