"""Parallel coordinates: every job as a line through its settings to its score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradexp.sweeps.report.ranking import TWO, shown_range, sign
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.scores.table import short_names


@dataclass(frozen=True)
class Coordinates:
    """Jobs as lines through parallel axes, heights from 0 to 1; the score is the last axis, the best at 1.

    Attributes:
        axes: Names of the axes, without the score.
        ticks: For each axis, heights and labels of its values; classes without their packages.
        lines: For each job, its height on every axis and on the score's.
        labels: For each job, its settings and score.
        ends: The scores at heights 0 and 1; jobs below the first lie at 0.
    """

    axes: list[str]
    ticks: list[list[tuple[float, str]]]
    lines: list[list[float]]
    labels: list[str]
    ends: tuple[float, float]


def coordinates(results: SweepResults) -> Coordinates | None:
    """None for fewer than two jobs with a score, or without an axis that varies."""
    scored = results.scored()
    axes = [axis for axis in results.axes if len({repr(job.settings.get(axis)) for job, _ in scored}) >= TWO]
    if not axes or len(scored) < TWO:
        return None
    columns = [_positions([job.settings.get(axis) for job, _ in scored], axis.endswith("._target_")) for axis in axes]
    worst, best = sorted(shown_range(results), reverse=sign(results) < 0)
    heights = [min(max((score - worst) / (best - worst), 0.0), 1.0) for _, score in scored]
    return Coordinates(
        axes,
        [ticks for _, ticks in columns],
        [[*(positions[n] for positions, _ in columns), height] for n, height in enumerate(heights)],
        [f"{job.label}: {score:.4g}" for job, score in scored],
        (worst, best),
    )


def elided(label: str, letters: int) -> str:
    """A label of at most so many letters: of a longer one the middle is left out, as both ends tell it from others."""
    end = letters // 2
    return label if len(label) <= letters else f"{label[: letters - end - 1]}…{label[-end:]}"


def _positions(values: Sequence[Any], is_class: bool) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights from 0 to 1 of an axis's values, evenly spaced in their order, and the ticks with their labels."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    ordered = sorted(set(values)) if numeric else sorted({str(value) for value in values})
    height = {value: number / max(len(ordered) - 1, 1) for number, value in enumerate(ordered)}
    names = short_names(list(map(str, ordered))) if is_class else {}
    ticks = [(place, f"{value:g}" if numeric else names.get(value, str(value))) for value, place in height.items()]
    return [height[value if numeric else str(value)] for value in values], ticks
