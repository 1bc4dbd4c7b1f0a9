"""A sweep's findings as matplotlib figures, for files and TensorBoard."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from gradexp.sweeps.report.comparison.figure import of_findings as comparison
from gradexp.sweeps.report.drawn_curves import learning_curves, learning_rate
from gradexp.sweeps.report.drawn_settings import coordinates, importance, penalties, time
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.search_figures import search_figures

COMPARISON = "sweep/compare"  # the tag of its figure
# A function for each tag. It returns None where the sweep has nothing to show in the figure.
SWEEP_FIGURES: Mapping[str, Callable[[Findings], Figure | None]] = {
    "sweep/learning_rate": learning_rate,
    "sweep/penalties": penalties,
    "sweep/coordinates": coordinates,
    "sweep/curves": learning_curves,
    "sweep/time": time,
    "sweep/importance": importance,
    COMPARISON: comparison,
}


def sweep_figures(findings: Findings) -> dict[str, Figure]:
    """The figures that the sweep has something to show in, by tag."""
    drawn = {tag: draw(findings) for tag, draw in SWEEP_FIGURES.items()}
    found = {tag: figure for tag, figure in drawn.items() if figure is not None}
    return found | (search_figures(findings.search) if findings.search is not None else {})
