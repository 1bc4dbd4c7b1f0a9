"""The comparison of the settings in several folders, each a multirun's or a run's."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradexp.sweeps.report.comparison.compare import Comparison, compare
from gradexp.sweeps.report.comparison.read import read_folders
from gradexp.sweeps.report.comparison.scores import metric_of
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.untrusted import whole_records


def compared_folders(
    folders: Sequence[str], baseline: Mapping[str, Any] | None, metric: str, delta: float | None, mode: str | None
) -> Comparison:
    """Compare the settings in these folders.

    Args:
        folders: Those of multiruns and runs.
        baseline: Keys and values of the setting that the others are compared with; None for the best found.
        metric: A name as in metrics.json, "val/loss" for "best/val/loss", or "monitor".
        delta: Differences up to this size count as none; None for one standard deviation over seeds.
        mode: Which way the metric is better, "max" or "min"; None if it is known.

    Raises:
        ValueError: A folder holds no jobs, they have no metric in common, one seed each and no common test set, or the
            baseline is none of the settings, or several.
    """
    results = read_folders(folders)
    with whole_records(f"compare.folders must be multiruns and runs whose records are whole; got {list(folders)}"):
        settings = settings_of(results.jobs)
        found = compare(settings, metric_of(results, settings, metric, mode), baseline, delta)
    if not found.sampled and all(len(one.scores) == 1 for one in found.settings):
        raise ValueError(
            "compare.folders must hold several seeds of a setting, as a single run says nothing about its setting; got "
            f"one of each of {len(found.settings)}, without a common record of their tests. Run them with "
            "seed=0,1,2,3,4."
        )
    return found
