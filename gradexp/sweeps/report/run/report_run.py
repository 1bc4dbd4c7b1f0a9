"""The report of a run: its page, and its diagnosis."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradexp.files import remove_temporary_files
from gradexp.reports.examination import Examination
from gradexp.sweeps.report.run.run_files import RunFiles, read_run
from gradexp.sweeps.report.run.run_page import diagnosis_of, write_run_page
from gradexp.untrusted import whole_records

Examine = Callable[[RunFiles], tuple[Examination | None, list[str]]]


def report_run(folder: Path, default: Mapping[str, Any], examine: Examine) -> list[str]:
    """Write the page of a run, at any time.

    Args:
        folder: The run's.
        default: The flat default configuration.
        examine: Gives the predictions of the run, None if it has none, and what is left out and why.

    Returns:
        The diagnosis in words, what is left out and why, and where the page is.

    Raises:
        ValueError: A record of the run is damaged.
    """
    remove_temporary_files(folder, folder / "figures")
    run = read_run(folder)
    examination, notes = examine(run)
    with whole_records(f"sweep_dir must be a run whose records are whole; {folder} is none", ValueError):
        words = diagnosis_of(run)
        page = write_run_page(run, default, examination, notes)
    return [words, *notes, f"report: {page}"]
