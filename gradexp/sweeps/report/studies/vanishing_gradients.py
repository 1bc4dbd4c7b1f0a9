"""Study: the norms of gradients by layer, in networks of several depths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gradexp.engine.scalar_tags import OF_WEIGHTS
from gradexp.figures.layout import legend_below, new_panels, set_heading, set_title, shared_legend
from gradexp.figures.style import PALETTE, draw_line, styled
from gradexp.reports.curves import curves
from gradexp.sweeps.report.metric_axes import end_at_bounds
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.studies.study import Study

QUANTITY = "bias_grad_norm"  # the mean error term delta of each layer, as Nielsen 2015 shows it
COLUMNS = 3  # of panels


@dataclass(frozen=True)
class Family:
    """Networks that differ in their depth only.

    Attributes:
        name: Title of its panel.
        norms: Gradient norms of the hidden layers, first layer first, by depth.
        scores: Score after training, by depth.
    """

    name: str
    norms: dict[int, list[float]]
    scores: dict[int, float]


def vanishing_gradients(results: SweepResults) -> Study:
    """The norms at the first step by layer and depth, a family for each activation and initialization.

    The lines give how fast they fall in the deepest network: the geometric mean of the factor per layer.
    """
    families: dict[str, Family] = {}
    for job, score in sorted(results.scored(), key=lambda pair: len(pair[0].config["model.hidden"])):
        norms = _norms(job)
        if norms:
            name = f"{job.config['model.activation']}, {job.config['model.init']}"
            family = families.setdefault(name, Family(name, {}, {}))
            family.norms[len(norms)] = norms
            family.scores[len(norms)] = score
    if not families:
        return Study(lines=[f"no job has logged {QUANTITY}, as +callbacks=diagnostics does"])
    lines = [_line(family, results.score_name) for family in families.values()]
    return Study({"vanishing_gradients": gradient_norms_by_depth(list(families.values()), results.score_name)}, lines)


def _norms(job: Job) -> list[float]:
    """The norms of the hidden layers at the first step, first layer first."""
    tags = [f"{OF_WEIGHTS}{QUANTITY}/network.linear_{number + 1}" for number in range(len(job.config["model.hidden"]))]
    logged = curves(job.folder, tags)
    return [logged[tag][1][0] for tag in tags if tag in logged]


def _line(family: Family, score: str) -> str:
    depth = max(family.norms)
    norms = family.norms[depth]
    listed = "  ".join(
        f"{depth}: {' '.join(f'{norm:.4g}' for norm in norms)}" for depth, norms in family.norms.items() if depth <= 4
    )
    if depth == 1 or not all(norm > 0 for norm in norms):
        pace = "no rate can be given"
    else:
        factor = (norms[-1] / norms[0]) ** (1 / (depth - 1))
        pace = f"{'falls' if factor > 1 else 'grows'} by a factor {max(factor, 1 / factor):.3g} a layer"
    scores = ", ".join(f"{depth}: {value:.4g}" for depth, value in family.scores.items())
    return f"{family.name}: {pace} going back through {depth}; {score} by depth {scores}; norms by depth {listed}"


@styled
def gradient_norms_by_depth(families: Sequence[Family], score: str) -> Figure:
    """One panel per family with one line per depth, all on one scale, and a last panel of scores by depth.

    Args:
        families: What is drawn.
        score: Name of the score.
    """
    figure, panels = new_panels(len(families) + 1, COLUMNS, 4.2, 3.6)
    depths = sorted({depth for family in families for depth in family.norms})
    norms = [norm for family in families for line in family.norms.values() for norm in line if norm > 0]
    handles: dict[int, Any] = {}
    for axes, family in zip(panels, families, strict=False):
        for depth, line in family.norms.items():
            layers, place = np.arange(1, len(line) + 1), depths.index(depth)
            handles[depth] = draw_line(axes, layers, line, place, f"{depth} hidden layers", markevery=None)
        axes.set(yscale="log", xlabel="hidden layer", ylabel="gradient norm")
        set_title(axes, family.name)
        if norms:
            axes.set_ylim(min(norms) / 2, max(norms) * 2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
    last = panels[-1]
    for number, family in enumerate(families):
        places = sorted(family.scores)
        x, scores = [depths.index(depth) for depth in places], [family.scores[depth] for depth in places]
        draw_line(last, x, scores, len(PALETTE) - 1 - number, family.name, markevery=None)
    last.set_xticks(range(len(depths)), [str(depth) for depth in depths])
    last.set(xlabel="hidden layers", ylabel=score)
    end_at_bounds(last, score)
    set_title(last, "Score after training")
    last.grid()
    legend_below(last)
    set_heading(figure, "Norms of the gradients at the first step, by layer and depth")
    shared_legend(figure, [handles[depth] for depth in sorted(handles)])
    return figure
