"""The best of several settings by the mean over its seeds, and those that are not told from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradexp.sweeps.report.comparison.compare import compare
from gradexp.sweeps.report.comparison.pair import JUDGED, OPEN
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.ranking import TWO, Setting, sign
from gradexp.sweeps.report.results import SweepResults


@dataclass(frozen=True)
class Best:
    """The best of several settings.

    Attributes:
        setting: The one with the best mean over its seeds, of those with enough of them.
        beside: The others that were compared with it and are not told from it, best first.
        few: The others with too few seeds for a verdict, best first; empty where no setting has several seeds.
        is_judged: Whether there are verdicts: the best and another have three seeds or more.
        several: Whether any of the settings has several seeds.
    """

    setting: Setting
    beside: list[Setting]
    few: list[Setting]
    is_judged: bool
    several: bool


def best_of(results: SweepResults, settings: Sequence[Setting]) -> Best | None:
    """The best of settings that are ordered as `ranking` orders them; None if none has a score.

    The verdicts are those of these settings alone: of all pairs, as the best is chosen by the same scores.
    """
    scored = [setting for setting in settings if setting.scores]
    if not scored:
        return None
    first, *others = scored
    several = max(len(setting.scores) for setting in scored) >= TWO
    runs = settings_of(job for setting in scored for job in setting.jobs)
    metric = Metric(results.score_name, sign(results))
    # What ranks as several settings may have trained alike, as with another number of threads.
    able = sum(len(metric.scores(run)) >= JUDGED for run in runs)
    if len(first.scores) < JUDGED or able < TWO:
        alike = [one for one in others if min(len(first.scores), len(one.scores)) >= JUDGED]
        few = [one for one in others if one not in alike] if several else []
        return Best(first, alike, few, False, several)
    compared = compare(runs, metric)
    by_folder = {job.folder: setting for setting in scored for job in setting.jobs}
    owners = [by_folder[next(iter(one.setting.jobs.values())).folder] for one in compared.settings]
    reference = compared.reference
    pairs = {pair.a: pair.verdict for pair in compared.with_reference}
    beside = [owners[number] for number in sorted(pairs) if pairs[number] in OPEN]
    few = [owners[number] for number in sorted(pairs) if pairs[number] is None]
    return Best(owners[reference], beside, few, True, several)
