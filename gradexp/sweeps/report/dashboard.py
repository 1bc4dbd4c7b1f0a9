"""A sweep in TensorBoard: its figures in one run, the bands of its settings, and the rows that failed jobs lack."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from gradexp.callbacks.publication import write_figure
from gradexp.configuration.files import HYDRA_FOLDER, read_config
from gradexp.engine.event_writer import EventWriter
from gradexp.reports.event_folder import NAME, event_folder
from gradexp.reports.hparams import hyperparameters, write_row
from gradexp.sweeps.plan.run_name import event_folder_of_job
from gradexp.sweeps.report.band_scalars import remove_bands, write_bands
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.matplotlib_figures import COMPARISON, sweep_figures

SUFFIX = ".report"  # ends the names of the event files that a report writes, and replaces when it is written again


def write_dashboard(findings: Findings, study: Mapping[str, Figure]) -> dict[str, Path]:
    """Write the figures as PNG in ``figures/`` and into ``tensorboard/``, and the rows of failed jobs.

    Args:
        findings: The sweep's.
        study: A study's figures, by tag.

    Returns:
        The PNG files of the study and of the comparison of settings, by tag.
    """
    results = findings.results
    own = results.folder / NAME
    _remove(own)
    remove_bands(own, SUFFIX)
    drawn = sweep_figures(findings) | dict(study)
    paths: dict[str, Path] = {}
    if drawn:
        with EventWriter(str(own), filename_suffix=SUFFIX) as writer:
            paths = {tag: write_figure(results.folder, tag, figure, writer) for tag, figure in drawn.items()}
            write_bands(findings.curves, own, writer, SUFFIX)
    for job in results.jobs:
        _remove(event_folder(job.folder))
        if job.status == "failed" and job.config:
            config = read_config(job.folder)
            config["trusted_packages"] = []  # nothing that a record names is imported
            try:
                settings = hyperparameters(config, str(config["data"]["_target_"]).rpartition(".")[2])
            except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
                path = job.folder / HYDRA_FOLDER / "config.yaml"
                raise ValueError(f"{path} has other settings than a run records: {error}") from error
            write_row(event_folder_of_job(job.folder), settings, SUFFIX, succeeded=False)
    return {tag: path for tag, path in paths.items() if tag in study or tag == COMPARISON}


def _remove(folder: Path) -> None:
    for path in folder.glob(f"*{SUFFIX}"):
        path.unlink()
