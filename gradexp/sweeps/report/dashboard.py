"""A sweep in TensorBoard: its figures in one run, the bands of its settings, and the rows that failed jobs lack."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from gradexp.callbacks.publication import write_contents
from gradexp.configuration.files import HYDRA_FOLDER, read_config
from gradexp.engine.cores import core_count
from gradexp.engine.event_writer import EventWriter
from gradexp.figures.encoding import encoded
from gradexp.figures.output import FORMATS
from gradexp.forks import side_by_side
from gradexp.reports.event_folder import NAME, event_folder
from gradexp.reports.hparams import hyperparameters, write_row
from gradexp.sweeps.plan.run_name import event_folder_of_job, settings_of_job, typed_in_job
from gradexp.sweeps.report.band_scalars import remove_bands, write_bands
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.matplotlib_figures import sweep_figures
from gradexp.untrusted import whole_records

SUFFIX = ".report"  # ends the names of the event files that a report writes, and replaces when it is written again


class Picture(NamedTuple):
    """A figure as the contents of image files by format, for the page, and the files that are written of it."""

    contents: Mapping[str, bytes]
    paths: list[Path]


def write_dashboard(findings: Findings, study: Mapping[str, Figure]) -> dict[str, Picture]:
    """Write the figures into ``figures/`` and ``tensorboard/``, and the rows of failed jobs.

    Args:
        findings: The sweep's.
        study: A study's figures, by tag.

    Returns:
        All of them, by tag.
    """
    results = findings.results
    own = results.folder / NAME
    _remove(own)
    remove_bands(own, SUFFIX)
    drawn = sweep_figures(findings) | dict(study)
    pictures: dict[str, Picture] = {}
    if drawn:
        with EventWriter(str(own), filename_suffix=SUFFIX) as writer:
            contents = side_by_side(partial(encoded, formats=FORMATS), list(drawn.values()), core_count())
            pictures = {
                tag: Picture(files, write_contents(results.folder, tag, files, writer))
                for tag, files in zip(drawn, contents, strict=True)
            }
            write_bands(findings.curves, own, writer, SUFFIX)
    for job in results.jobs:
        _remove(event_folder(job.folder))
        if job.status == "failed" and job.config:
            config = read_config(job.folder)
            config["trusted_packages"] = []  # nothing that a record names is imported
            path = job.folder / HYDRA_FOLDER / "config.yaml"
            with whole_records(f"{path} has other settings than a run records", ValueError):
                data = str(config["data"]["_target_"]).rpartition(".")[2]
                varied, typed = settings_of_job(job.folder), typed_in_job(job.folder)
                settings = hyperparameters(config, data, varied=varied, typed=typed)
            write_row(event_folder_of_job(job.folder), settings, SUFFIX, succeeded=False)
    return pictures


def _remove(folder: Path) -> None:
    for path in folder.glob(f"*{SUFFIX}"):
        path.unlink()
