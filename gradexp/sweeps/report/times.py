"""Seconds of fitting against scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradexp.sweeps.report.ranking import TWO, Setting, enough_seeds, ranking, sign
from gradexp.sweeps.report.results import SweepResults


@dataclass(frozen=True)
class Point:
    """A setting: mean seconds of fitting, and mean score over its seeds.

    Attributes:
        setting: The setting.
        seconds: Mean over its jobs.
        score: Mean over its seeds.
        spread: Standard deviation of the scores; None for a single seed.
    """

    setting: Setting
    seconds: float
    score: float
    spread: float | None


@dataclass(frozen=True)
class Times:
    """Seconds of fitting against scores.

    Attributes:
        labels: The jobs' settings.
        seconds: [jobs].
        scores: [jobs].
        settings: The settings, means over their seeds.
        front: The settings that no other beats in both mean time and mean score, the fastest first; of those that have
            the most seeds, or enough for a verdict.
        several: Whether any setting has several seeds.
    """

    labels: list[str]
    seconds: list[float]
    scores: list[float]
    settings: list[Point]
    front: list[Point]
    several: bool


def times(results: SweepResults) -> Times | None:
    """None for fewer than two jobs with a score and a time."""
    timed = [(job, score) for job, score in results.scored() if job.seconds is not None]
    if len(timed) < TWO:
        return None
    ranked = ranking(results)
    points = [Point(one, one.seconds, one.mean, one.spread) for one in ranked if one.seconds is not None]
    enough = enough_seeds(ranked)
    able = [point for point in points if len(point.setting.scores) >= enough]
    front = pareto_front([(point.seconds, point.score) for point in able], sign(results))
    return Times(
        [job.label for job, _ in timed],
        [job.seconds or 0.0 for job, _ in timed],
        [score for _, score in timed],
        points,
        [able[number] for number in front],
        any(len(setting.scores) > 1 for setting in ranked),
    )


def pareto_front(points: Sequence[tuple[float, float]], sign: int) -> list[int]:
    """Numbers of the points that no other point beats in both time and score, the fastest first.

    Args:
        points: Seconds and score of each.
        sign: 1 where a higher score is better, else -1.
    """
    front: list[int] = []
    for number in sorted(range(len(points)), key=lambda one: (points[one][0], -sign * points[one][1])):
        if not front or sign * points[number][1] > sign * points[front[-1]][1]:
            front.append(number)
    return front
