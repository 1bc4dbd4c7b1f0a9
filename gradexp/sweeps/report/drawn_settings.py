"""Settings and their scores: over penalties, through parallel coordinates, against seconds, and what matters."""

import textwrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gradexp.figures.layout import (
    area,
    legend_below,
    letters,
    new_figure,
    rows_figure,
    set_heading,
    set_title,
    text_points,
)
from gradexp.figures.output import asked_width
from gradexp.figures.style import BLUE, INK, ORANGE, SKY, literal, number_text, styled
from gradexp.sweeps.report.coordinates import elided
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.importance import NO_AXES

SIZE = (7.5, 4.5)
LINES = 3  # of a label in parallel coordinates
MANY = 500  # lines, which become pixels in SVG and PDF


@styled
def penalties(findings: Findings) -> Figure | None:
    """Scores over the two penalties where both vary, good ones bright, cells without a score grey."""
    grid = findings.penalties
    if grid is None or not grid.is_map:
        return None
    scores = np.array(grid.scores, float)
    width = asked_width() or max(1.6 + 0.95 * len(grid.l2), 5.0)
    figure = rows_figure(width, 1.7, 0.7 if asked_width() is None else 0.42, len(grid.l1))
    axes = figure.subplots()
    low, high = findings.limits
    cmap = "viridis" if findings.up else "viridis_r"
    image = axes.imshow(scores, cmap=cmap, vmin=low, vmax=high, aspect="auto", origin="lower")
    axes.set_xticks(range(len(grid.l2)), [number_text(value) for value in grid.l2])
    axes.set_yticks(range(len(grid.l1)), [number_text(value) for value in grid.l1])
    # Seven letters, such as ± 0.0012, and a margin.
    has_room = (width - 1.6) / len(grid.l2) > 8 * 0.56 * text_points("small") / 72
    for row, column in np.ndindex(scores.shape):
        score = scores[row, column]
        if np.isfinite(score) and has_room:
            is_bright = (score > low + 0.6 * (high - low)) == findings.up
            spread = grid.band.spread[row * len(grid.l2) + column]
            text = number_text(float(score)) + (f"\n± {number_text(spread, 2)}" if spread is not None else "")
            color = "black" if is_bright else "white"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize="small")
    axes.set(xlabel="regularizer.l2", ylabel="regularizer.l1")
    title = "Score of the best setting at each pair of penalties"
    if any(spread is not None for spread in grid.band.spread):
        title += f", {'mean ± standard deviation' if has_room else 'mean'} over {findings.unit}s"
    set_title(axes, title)
    figure.colorbar(image, ax=axes, label=findings.results.score_name)
    if not np.isfinite(scores).all():
        axes.set_facecolor("#dddddd")
        legend_below(axes, [Patch(color="#dddddd", label="grey: no job completed")])
    return figure


@styled
def coordinates(findings: Findings) -> Figure | None:
    """Parallel coordinates: one line per job through its settings to its score, coloured by the score."""
    found = findings.coordinates
    if found is None:
        return None
    names = [*found.axes, findings.results.score_name]
    places = np.arange(len(names))
    width = max(7.5, 1.4 * len(names))
    figure = new_figure(width, 4.5 if asked_width() is None else 0.75 * width)
    axes = figure.subplots()
    lines = sorted(found.lines, key=lambda line: line[-1])  # the best on top
    worst, best = found.ends
    # Yellow, the end of the scale, is too pale for lines.
    cmap = mpl.colors.ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.85, 256)))
    drawn = LineCollection(
        [np.column_stack([places, line]) for line in lines], array=np.array([line[-1] for line in lines]), cmap=cmap,
        norm=mpl.colors.Normalize(0, 1), linewidths=0.8, alpha=max(0.25, min(0.9, 30 / len(lines))),
        rasterized=len(lines) > MANY,
    )  # fmt: skip
    axes.add_collection(drawn)
    beside: dict[str, Any] = {
        "ha": "right",
        "va": "center",
        "fontsize": "small",
        "xytext": (-3, 0),
        "textcoords": "offset points",
    }
    behind: dict[str, Any] = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    # A label has the room up to the axis on its left, and the lines up to the label above.
    room = letters(figure.get_figwidth() / (len(names) + 0.5)) - 2
    first = 0  # letters of the widest label at the first axis, which has the left margin
    for place, ticks in enumerate(found.ticks):
        axes.axvline(place, color="black", linewidth=0.6)
        most = int(0.6 * 72 * figure.get_figheight() / text_points("small") / len(ticks))
        for height, label in ticks:
            folded = textwrap.wrap(elided(label, room * max(1, min(LINES, most))), room, break_on_hyphens=False)
            axes.annotate(literal("\n".join(folded)), (place, height), bbox=behind, **beside)
            first = max(first, *map(len, folded)) if place == 0 else first
    axes.axvline(places[-1], color="black", linewidth=0.6)
    is_clipped = any(line[-1] == 0.0 for line in lines)
    beyond = ("≤ " if findings.up else "≥ ") if is_clipped else ""
    for height, label in ((0.0, beyond + number_text(worst)), (1.0, number_text(best))):
        axes.annotate(label, (places[-1], height), bbox=behind, **(beside | {"ha": "left", "xytext": (3, 0)}))
    is_long = max(map(len, names)) > room
    axes.set_xticks(places, names, rotation=30 if is_long else 0, ha="right" if is_long else "center")
    axes.set(xlim=(-max(0.5, (first + 2) / (room + 2)), places[-1] + 0.5), ylim=(-0.06, 1.06), yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    set_title(axes, "All jobs: one line each, through its settings to its score; green is good")
    return figure


@styled
def time(findings: Findings) -> Figure | None:
    """Score against seconds of fitting, and the line of the settings that no other beats in both.

    One point per setting, with its means; pale, the jobs that they are the means of.
    """
    times = findings.times
    if times is None:
        return None
    figure = new_figure(*SIZE)
    axes = figure.subplots()
    colour, label = (SKY, "jobs") if times.several else (BLUE, "settings")
    axes.scatter(times.seconds, times.scores, alpha=0.6, s=area(14), linewidths=0, color=colour, label=label)
    if times.several:
        seconds, scores = [one.seconds for one in times.settings], [one.score for one in times.settings]
        label = f"settings, means over {findings.unit}s"
        axes.scatter(seconds, scores, alpha=0.7, s=area(26), marker="D", color=BLUE, label=label)
    seconds, scores = [one.seconds for one in times.front], [one.score for one in times.front]
    axes.step(seconds, scores, where="post", marker="s", color=ORANGE, label="none faster and better")
    low, high = findings.limits
    outside = sum(not low <= score <= high for score in times.scores)
    axes.set(xlabel="seconds of fitting", ylabel=findings.results.score_name, ylim=findings.limits)
    set_title(axes, "Score against seconds of fitting")
    axes.grid()
    handles = axes.get_legend_handles_labels()[0]
    if outside:
        handles.append(Patch(visible=False, label=f"{outside} far worse jobs lie outside the axis"))
    legend_below(axes, handles)
    return figure


@styled
def importance(findings: Findings) -> Figure | None:
    """The share of the score's variance that each axis explains, the largest on top; last what no axis explains."""
    shares = findings.importance
    if not shares:
        return None
    figure = rows_figure(SIZE[0], 1.4, 0.4 if asked_width() is None else 0.3, len(shares))
    axes = figure.subplots()
    room = letters(0.4 * figure.get_figwidth())
    names = list(shares)[::-1]
    colors = [INK if name in NO_AXES else BLUE for name in names]
    hatches = ["//" if name in NO_AXES else "" for name in names]
    bars = axes.barh(
        range(len(names)), [100 * shares[name] for name in names], color=colors, hatch=hatches, edgecolor="white",
        linewidth=0,
    )  # fmt: skip
    axes.set_yticks(range(len(names)), [literal(elided(name, room)) for name in names])
    axes.bar_label(bars, fmt="%.0f %%", padding=3, fontsize="small")
    axes.set(xlabel=f"% of the variance of {findings.results.score_name}", xlim=(0, 115))
    set_heading(figure, "What matters: the variance of the score that each axis explains")
    return figure
