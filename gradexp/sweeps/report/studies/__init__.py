"""Studies: what an experiment that is a sweep shows beyond the report.

A study is one file: ``sweep.study=NAME`` calls the function NAME of the module NAME in this folder. Importing this
package imports no study, so that their names are known without matplotlib and torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gradexp.by_file import function_named, names_in

if TYPE_CHECKING:
    from gradexp.sweeps.report.results import SweepResults
    from gradexp.sweeps.report.studies.study import Study


def study_names() -> list[str]:
    """The values that `sweep.study` accepts."""
    return names_in(__path__, shared="study")


def study_named(name: str) -> "Callable[[SweepResults], Study]":
    """The study of a name in `study_names`."""
    found: Callable[[SweepResults], Study] = function_named(__name__, name)
    return found


def study_of(results: "SweepResults") -> "Study":
    """The study that was typed, or else the one of the jobs' experiment; an empty study if there is none."""
    from gradexp.sweeps.report.studies.study import Study

    typed = [line.partition("=")[2] for line in results.command if line.startswith("sweep.study=")]
    configured = [job.config["sweep.study"] for job in results.jobs if job.config.get("sweep.study")]
    names = typed[-1:] or configured[:1]
    return study_named(names[0])(results) if names and names[0] in study_names() else Study()
