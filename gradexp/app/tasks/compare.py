"""Compares the settings of multiruns and runs: which is better by more than the noise of seeds."""

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
from gradexp.sweeps.report.comparison.table import print_comparison


def compare(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Print the verdicts; write compare.json, compare.csv and the figure into the run's folder.

    Args:
        cfg: The configuration; its section `compare` says what is compared.
        record: The run's record.
        console: Unused: the result goes to standard output.

    Raises:
        ValueError: A folder holds no jobs, they have no metric in common, one seed each and no common test set, or the
            baseline is none of the settings, or several.
    """
    asked = plain(cfg)["compare"]
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
