"""The jobs of several folders, each a multirun's or a run's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gradexp.configuration.files import has_config, read_job_config, read_overrides
from gradexp.configuration.values import flat
from gradexp.files import user_path
from gradexp.objective.monitor import Mode
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.manifest import NAME, holds_jobs
from gradexp.sweeps.report.results import Job, SweepResults, read_sweep
from gradexp.untrusted import check_stays_inside


def read_folders(names: Sequence[str]) -> SweepResults:
    """The jobs of all folders as one sweep, each once; those of a benchmark's grid and superseded ones are left out.

    Raises:
        ValueError: A folder holds neither a run nor a multirun, or a damaged one, or they are of several data sets.
    """
    parts = read_parts(names)
    jobs = {job.folder.resolve(): job for part in parts for job in latest_stage(part)}
    found = replace(parts[0], jobs=list(jobs.values()), command=[])
    check_one_data_set(found)
    return found


def read_parts(names: Sequence[str]) -> list[SweepResults]:
    """The jobs of each folder as a sweep of its own.

    Raises:
        ValueError: A folder holds neither a run nor a multirun, or a damaged one.
    """
    parts = []
    for name in names:
        folder = user_path(name)
        rule = f"compare.folders must be folders of multiruns or of runs; got {name}"
        if not folder.is_dir():
            raise ValueError(f"{rule}, which is no folder. Both are below outputs/.")
        if not has_config(folder) and not holds_jobs(folder):
            raise ValueError(f"{rule}, which holds none.")
        check_stays_inside(folder)
        if has_config(folder) and not (folder / NAME).is_file():
            part = _run(folder)
        else:
            try:
                part = read_sweep(folder)
            except ValueError as error:
                if str(error).startswith("sweep_dir must be the folder of a multirun"):
                    raise ValueError(f"{rule}, which holds none.") from error
                raise
        parts.append(part)
    return parts


def latest_stage(results: SweepResults) -> list[Job]:
    """The final runs of a benchmark, at fresh seeds, if two or more settings have such; otherwise the grid."""
    final = [job for job in results.as_planned.jobs if job.stage == "final"]
    if len({job.setting for job in final}) > 1:
        return final
    return [job for job in results.as_planned.jobs if job.stage == "grid"]


def check_one_data_set(results: SweepResults) -> None:
    """Check that scores can be compared.

    Raises:
        ValueError: The jobs are of several data sets.
    """
    if results.is_comparable:
        return
    kinds = {" ".join(str(part) for part in job.data_set if part): 0 for job in results.jobs if job.config}
    raise ValueError(
        f"compare.folders must be of one data set, as scores of several have no order; got {', '.join(kinds)}."
    )


def _run(folder: Path) -> SweepResults:
    config = flat(read_job_config(folder))
    metrics = job_folder.outcome(folder) or {}
    job = Job(folder, "grid", job_folder.state(folder), {}, read_overrides(folder), config, metrics)
    mode: Mode | None = metrics.get("monitor_mode", config.get("monitor_mode"))
    monitor = str(metrics.get("monitor", config.get("monitor")))
    return SweepResults(folder, str(config.get("name")), monitor, [], [job], mode)
