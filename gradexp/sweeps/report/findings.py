"""What a sweep shows, as numbers, computed once: terminal, page, figures and TensorBoard only present them."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from gradexp.sweeps.report.best import Best, best_of
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.of_sweep import compared
from gradexp.sweeps.report.contest import Contestant, contest
from gradexp.sweeps.report.coordinates import Coordinates, coordinates
from gradexp.sweeps.report.importance import what_matters
from gradexp.sweeps.report.job_curves import job_curves
from gradexp.sweeps.report.learning_curves import Curve, LearningCurves, learning_curves, reader
from gradexp.sweeps.report.penalty_map import Grid, penalties
from gradexp.sweeps.report.ranking import Setting, ranking, shown_range, sign
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.scores.board import Board, board
from gradexp.sweeps.report.search import Found, found_by_search
from gradexp.sweeps.report.sensitivity import Sensitivity, learning_rates
from gradexp.sweeps.report.times import Times, times


@dataclass(frozen=True)
class Findings:
    """A sweep's findings; a part that the sweep has no jobs for is empty or None.

    Attributes:
        results: The sweep, with all its jobs.
        is_ranked: Whether its jobs are of one data set; where not, all parts below are empty.
        up: Whether a higher score is better.
        limits: The scores that figures make room for.
        ranking: The settings, best first.
        best: The best of the settings, and those not told from it; None without scores.
        rates: By optimizer.
        penalties: Scores over l1 and l2.
        coordinates: All jobs through all axes.
        curves: Curves of the best and the median setting, and of others beside them.
        job_curves: Curves of single jobs, by the name of their folder and by tag.
        times: Of the jobs with a score.
        importance: Shares of the score's variance, which add up to 1: of each axis, of their interactions, of noise.
        contest: The final runs of a benchmark, best first.
        search: What a search shows besides; None for a grid.
        comparison: Which settings are better than others by more than the noise of seeds; None without two settings.
        scores: The table of scores on several problems, for jobs of several data sets; None if it cannot be made.
    """

    results: SweepResults
    is_ranked: bool
    up: bool
    limits: tuple[float, float]
    ranking: list[Setting]
    best: Best | None
    rates: dict[str, Sensitivity]
    penalties: Grid | None
    coordinates: Coordinates | None
    curves: LearningCurves
    job_curves: dict[str, dict[str, Curve]]
    times: Times | None
    importance: dict[str, float]
    contest: list[Contestant]
    search: Found | None
    comparison: Comparison | None
    scores: Board | None

    @property
    def unit(self) -> str:
        """What the ranked scores are counted by: seed, fold or split; "score" where that differs."""
        units: set[str] = {setting.unit for setting in self.ranking if len(setting.scores) > 1}
        return "score" if len(units) > 1 else next(iter(units), "seed")

    @property
    def few(self) -> list[Setting]:
        """The settings that have fewer seeds with a score than another one."""
        most = max((len(setting.scores) for setting in self.ranking), default=0)
        return [setting for setting in self.ranking if len(setting.scores) < most]

    @property
    def statuses(self) -> Counter[str]:
        """How many jobs there are of each status, in the order of the jobs."""
        return Counter(job.status for job in self.results.jobs)


def find(results: SweepResults) -> Findings:
    """Compute what a sweep shows; jobs of several data sets are not compared."""
    comparable = results.comparable
    ranked = ranking(comparable)
    scored = comparable.scored()
    search = found_by_search(comparable)
    read = reader(results)
    comparison = compared(comparable)
    return Findings(
        results,
        is_ranked=results.is_comparable,
        up=sign(results) > 0,
        limits=shown_range(comparable),
        ranking=ranked,
        best=best_of(comparable, ranked),
        rates=learning_rates(comparable),
        penalties=penalties(comparable),
        coordinates=coordinates(comparable),
        curves=learning_curves(comparable, ranked, read),
        job_curves=job_curves(results, ranked, read),
        times=times(comparable),
        # A search's keys have a new value in each trial, and its best trials more seeds than the others.
        importance={}
        if search is not None
        else what_matters([job.settings for job, _ in scored], [score for _, score in scored]),
        contest=contest(comparable, comparison),
        search=search,
        comparison=comparison,
        scores=None if results.is_comparable else _scores(results),
    )


def _scores(results: SweepResults) -> Board | None:
    """None for problems with one setting, or without a metric in common."""
    with suppress(ValueError):
        return board([results])
    return None
