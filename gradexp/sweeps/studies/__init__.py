"""Studies: what experiments that are sweeps show beyond the report.

A study is one file: ``sweep.study=NAME`` calls the function NAME of the module NAME in this folder. Importing this
package imports none of them, so that their names are known without matplotlib and torch.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradexp.sweeps.results import SweepResults
    from gradexp.sweeps.studies.study import Study

SHARED = ("study",)  # modules here that are no study


def study_names() -> list[str]:
    """What `sweep.study` may be."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in SHARED)


def study_named(name: str) -> "Callable[[SweepResults], Study]":
    """The study of a name in `study_names`."""
    found: Callable[[SweepResults], Study] = getattr(import_module(f"{__name__}.{name}"), name)
    return found


def study_of(results: "SweepResults") -> "Study":
    """The study that was typed, or that the jobs' experiment names; an empty one where there is none."""
    from gradexp.sweeps.studies.study import Study

    typed = [line.partition("=")[2] for line in results.command if line.startswith("sweep.study=")]
    configured = [job.config["sweep.study"] for job in results.jobs if job.config.get("sweep.study")]
    names = typed[-1:] or configured[:1]
    return study_named(names[0])(results) if names and names[0] in study_names() else Study()
