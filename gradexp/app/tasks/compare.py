"""Compares the settings of multiruns and runs: which is better by more than the noise of seeds."""

from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.errors import printable
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome
from gradexp.callbacks.publication import write_figure
from gradexp.configuration.key_rules import baseline
from gradexp.configuration.values import plain
from gradexp.sweeps.report.comparison.compare import Comparison
from gradexp.sweeps.report.comparison.compare import compare as compared
from gradexp.sweeps.report.comparison.figure import figure
from gradexp.sweeps.report.comparison.files import write_files
from gradexp.sweeps.report.comparison.read import read_folders
from gradexp.sweeps.report.comparison.scores import metric_of
from gradexp.sweeps.report.comparison.settings import settings_of
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
    found = _compared(cfg)
    if not found.sampled and all(len(one.scores) == 1 for one in found.settings):
        raise ValueError(
            "compare.folders must hold several seeds of a setting, as a single run says nothing about its setting; got "
            f"one of each of {len(found.settings)}, without a common record of their tests. Run them with "
            "seed=0,1,2,3,4."
        )
    record.write(cfg)
    out = Console()
    print_comparison(found, out)
    paths = write_files(found, record.folder)
    paths.append(write_figure(record.folder, "compare", figure(found), None))
    for path in paths:
        out.print(printable(f"written: {path}"), markup=False, highlight=False, soft_wrap=True)
    out.print(printable(f"folder: {record.folder}"), markup=False, highlight=False, soft_wrap=True)
    verdicts = [str(pair.verdict) for pair in found.with_reference if pair.verdict is not None]
    counts = {f"compare/{name.replace(' ', '_')}": verdicts.count(name) for name in sorted(set(verdicts))}
    return Outcome({"status": "completed", "data": "none", "compare/settings": len(found.settings), **counts})


def _compared(cfg: DictConfig) -> Comparison:
    results = read_folders(list(cfg.compare.folders))
    given = baseline(plain(cfg)["compare"]["baseline"])
    try:
        settings = settings_of(results.jobs)
        metric = metric_of(results, settings, cfg.compare.metric, cfg.monitor_mode)
        return compared(settings, metric, given, cfg.compare.delta)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # A configuration that was cut, or that others wrote, can lack anything.
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(
            f"compare.folders must be multiruns and runs whose records are whole; got {list(cfg.compare.folders)} "
            f"({reason})."
        ) from error
