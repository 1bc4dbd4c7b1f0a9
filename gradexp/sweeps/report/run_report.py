"""The report of a single run: its diagnosis."""

from pathlib import Path

from rich.console import Console

from gradexp.configuration.files import has_config, read_config
from gradexp.configuration.values import flat
from gradexp.reports.curves import curves
from gradexp.reports.diagnosis import TAGS, diagnose
from gradexp.sweeps.job_folder import METRICS, outcome


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a single run, not of a multirun."""
    return (folder / METRICS).is_file() and has_config(folder)


def report_run(folder: Path, console: Console) -> None:
    """Print the diagnosis of a run from its metrics and its event files.

    Raises:
        ValueError: The run did not complete its training, or has no validation part.
    """
    metrics = outcome(folder) or {}
    config = flat(read_config(folder))
    try:
        found = diagnose(metrics, curves(folder, TAGS), config)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:  # a record can lack or have anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"sweep_dir must be a run whose records are whole; {folder} is none ({reason}).") from error
    if found is None:
        raise ValueError(
            "sweep_dir must be a multirun, or a run that completed its training with scores of training and "
            f"validation; got {folder}, whose status is {metrics.get('status')}."
        )
    console.print(str(found), markup=False, highlight=False, soft_wrap=True)
