"""Compares the settings of multiruns and runs: which is better by more than the noise of seeds.

Of several data sets, whose scores have no order, each is a problem with its own verdicts and ranks.
"""

from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.errors import printable
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome
from gradexp.callbacks.publication import write_figure
from gradexp.configuration.key_rules import baseline
from gradexp.configuration.values import plain
from gradexp.sweeps.report.comparison.figure import figure
from gradexp.sweeps.report.comparison.files import write_files
from gradexp.sweeps.report.comparison.of_folders import compared_folders
from gradexp.sweeps.report.comparison.read import read_parts
from gradexp.sweeps.report.comparison.table import print_comparison
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.scores.board import board
from gradexp.sweeps.report.scores.files import write_scores
from gradexp.sweeps.report.scores.page import write_scores_page
from gradexp.sweeps.report.scores.table import print_board


def compare(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Print the verdicts; write compare.json, compare.csv and the figure into the run's folder.

    Of several problems, print the table of scores and write it as scores.csv and report.html, beside the verdicts.

    Args:
        cfg: The configuration; its section `compare` says what is compared.
        record: The run's record.
        console: Unused: the result goes to standard output.

    Raises:
        ValueError: A folder holds no jobs, they have no metric in common, one seed each and no common test set, or the
            baseline is none of the settings, or several.
    """
    asked = plain(cfg.compare)
    parts = read_parts(asked["folders"])
    if len({job.data_set for part in parts for job in part.jobs if job.config}) > 1:
        return _scores(cfg, record, asked, parts)
    found = compared_folders(
        asked["folders"], baseline(asked["baseline"]), asked["metric"], asked["delta"], cfg.monitor_mode
    )
    record.write(cfg)
    out = Console()
    print_comparison(found, out)
    paths = write_files(found, record.folder)
    paths += write_figure(record.folder, "compare", figure(found), None)
    for path in paths:
        out.print(printable(f"written: {path}"), markup=False, highlight=False, soft_wrap=True)
    out.print(printable(f"folder: {record.folder}"), markup=False, highlight=False, soft_wrap=True)
    verdicts = [str(pair.verdict) for pair in found.with_reference if pair.verdict is not None]
    counts = {f"compare/{name.replace(' ', '_')}": verdicts.count(name) for name in sorted(set(verdicts))}
    return Outcome({"status": "completed", "data": "none", "compare/settings": len(found.settings), **counts})


def _scores(cfg: DictConfig, record: RunRecord, asked: dict[str, Any], parts: list[SweepResults]) -> Outcome:
    """The table of scores on several problems."""
    for key in ("baseline", "delta"):
        if asked[key] is not None:
            raise ValueError(
                f"compare.{key} must be null for folders of several problems, whose settings are ranked on each; got "
                f"{asked[key]}. Compare the folders of one problem with it."
            )
    found = board(parts, asked["metric"], cfg.monitor_mode)
    record.write(cfg)
    out = Console()
    print_board(found, out)
    for path in [*write_scores(found, record.folder), write_scores_page(found, record.folder)]:
        out.print(printable(f"written: {path}"), markup=False, highlight=False, soft_wrap=True)
    out.print(printable(f"folder: {record.folder}"), markup=False, highlight=False, soft_wrap=True)
    counts = {"compare/problems": len(found.problems), "compare/entrants": len(found.rows)}
    return Outcome({"status": "completed", "data": "none", **counts})
