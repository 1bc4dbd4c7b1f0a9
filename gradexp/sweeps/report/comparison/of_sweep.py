"""The comparison in the report of a sweep."""

from gradexp.sweeps.report.comparison.compare import Comparison, compare
from gradexp.sweeps.report.comparison.read import latest_stage
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.ranking import TWO, sign
from gradexp.sweeps.report.results import SweepResults


def compared(results: SweepResults) -> Comparison | None:
    """A sweep's settings by the metric it monitors; None without two settings that have a score."""
    metric = Metric(results.score_name, sign(results))
    settings = settings_of(latest_stage(results))
    if sum(bool(metric.scores(one)) for one in settings) < TWO:
        return None
    return compare(settings, metric)
