"""A sweep as it is on disk: every job with its settings, its configuration, its status and its metrics."""

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gradexp.configuration.files import read_job_config, read_overrides
from gradexp.configuration.values import flat
from gradexp.files import write_atomically
from gradexp.objective.monitor import Mode
from gradexp.reports.hparams import changes_in_words
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import typed
from gradexp.sweeps.plan.entrants import entrant
from gradexp.sweeps.plan.manifest import JOBS, Manifest, PlannedJob
from gradexp.sweeps.plan.repeats import Repeat, repeat_of, without_repeats
from gradexp.sweeps.report.unplanned import unplanned_settings

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # with which text begins that a spreadsheet takes for a formula


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        folder: Its folder.
        stage: "grid", "final" or "superseded", as in the manifest.
        status: "completed", "diverged", "failed", "running", "interrupted" or "planned".
        settings: The value of each axis.
        overrides: The command line of a single run that is this job.
        config: Flat configuration that ran; empty if the job has not recorded one.
        metrics: The content of its metrics.json; empty if there is none.
        entrant: In a benchmark, the optimizer or whatever competes; else empty.
        is_default: In a benchmark, whether it has the default rate.
    """

    folder: Path
    stage: str
    status: str
    settings: dict[str, Any]
    overrides: list[str] = field(repr=False)
    config: dict[str, Any] = field(repr=False)
    metrics: dict[str, Any] = field(repr=False)
    entrant: str = ""
    is_default: bool = False

    @property
    def label(self) -> str:
        """The settings, as they would be typed."""
        return typed(self.settings) or "the only job"

    @property
    def setting(self) -> str:
        """The settings except seed and fold: what the runs of a setting share."""
        return typed(without_repeats(self.settings)) or "the same setting"

    @property
    def repeat(self) -> Repeat:
        """Seed, fold and seed of the split."""
        return repeat_of(self.config, self.settings)

    @property
    def data_set(self) -> tuple[Any, ...]:
        """What identifies the data set, or the function that is descended: scores of several have no order."""
        return tuple(self.config.get(key) for key in ("data._target_", "data.path", "model.surface"))

    @property
    def changes(self) -> str:
        """The settings that changed when someone resumed the job by hand, in words; "" if it is as it was planned."""
        is_changed = job_folder.was_changed(self.metrics, self.overrides)
        return changes_in_words(self.metrics["resumed"]) if is_changed else ""

    @property
    def seconds(self) -> float | None:
        """Seconds of fitting."""
        return self.metrics.get("seconds/fit")


@dataclass(frozen=True)
class SweepResults:
    """A sweep.

    Attributes:
        folder: Its folder.
        name: Name of the experiment.
        monitor: The metric that jobs are ranked by.
        command: What was typed; empty without a manifest.
        jobs: In the order of their folders.
        monitor_mode: "max" if a higher monitor is better, "min" if a lower one is; None if unknown.
        search: How a search searches, as in the manifest; None for a grid.
    """

    folder: Path
    name: str
    monitor: str
    command: list[str]
    jobs: list[Job]
    monitor_mode: Mode | None = None
    search: dict[str, Any] | None = None

    @property
    def axes(self) -> list[str]:
        """Keys that the jobs have settings for."""
        return list(dict.fromkeys(key for job in self.jobs for key in job.settings))

    @property
    def score_name(self) -> str:
        """The key of the scores in metrics.json."""
        best = f"best/{self.monitor}"
        return best if any(best in job.metrics for job in self.jobs) else self.monitor

    @property
    def as_planned(self) -> "SweepResults":
        """The sweep without the jobs that were resumed with other settings."""
        return replace(self, jobs=[job for job in self.jobs if not job.changes])

    @property
    def is_comparable(self) -> bool:
        """Whether all jobs are of one data set; scores of several cannot be compared."""
        return len({job.data_set for job in self.jobs if job.config}) <= 1

    @property
    def comparable(self) -> "SweepResults":
        """The jobs as they were planned; none if the sweep is not comparable."""
        return self.as_planned if self.is_comparable else replace(self, jobs=[])

    def score(self, job: Job) -> float | None:
        """The monitored metric of a job that completed, of the weights that are tested."""
        return job_folder.score(job.metrics | {"monitor": self.monitor}) if job.status == "completed" else None

    def scored(self, stage: str = "grid") -> list[tuple[Job, float]]:
        """The jobs of a stage that have a score, with the score."""
        scores = [(job, self.score(job)) for job in self.jobs if job.stage == stage]
        return [(job, score) for job, score in scores if score is not None]


def read_sweep(folder: Path, key: str = "sweep_dir") -> SweepResults:
    """Read a sweep, finished or not.

    Args:
        folder: The sweep's folder.
        key: The argument that names it, for the message of an error.

    Raises:
        ValueError: The folder contains no sweep.
    """
    manifest = Manifest.read(folder) if folder.is_dir() else None
    planned = {job.folder: job for job in manifest.jobs.values()} if manifest else {}
    found = {path.parent.parent.name for path in folder.glob(JOBS)}
    if not planned and not found:
        raise ValueError(f"{key} must be the folder of a multirun, with its jobs' folders in it; got {folder}.")
    jobs = []
    unplanned = unplanned_settings(folder, sorted(found - planned.keys()))
    for name in sorted(
        planned.keys() | found, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    ):
        path = folder / name
        plan = planned.get(name) or PlannedJob(name, "grid", read_overrides(path), unplanned[name])
        for_each = manifest.for_each if manifest and name in planned else None
        config = flat(read_job_config(path))
        jobs.append(
            Job(
                path,
                plan.stage,
                job_folder.state(path),
                plan.settings,
                plan.overrides,
                config,
                job_folder.outcome(path) or {},
                _entrant(plan.settings, config, for_each) if for_each else "",
                plan.is_default,
            )
        )
    first: dict[str, Any] = next((job.config for job in jobs if job.config), {})
    planned_monitor = (manifest.monitor, manifest.monitor_mode) if manifest else (str(first.get("monitor")), None)
    # For data without classes the jobs monitor a loss in place of accuracy.
    ran = Counter((job.metrics["monitor"], job.metrics.get("monitor_mode")) for job in jobs if "monitor" in job.metrics)
    monitor, mode = ran.most_common(1)[0][0] if ran else planned_monitor
    return SweepResults(
        folder,
        manifest.name if manifest else str(first.get("name")),
        monitor,
        manifest.command if manifest else [],
        jobs,
        mode,
        manifest.search if manifest else None,
    )


def _entrant(settings: dict[str, Any], config: dict[str, Any], for_each: str) -> str:
    """Of a benchmark of one, the class: no axis names it."""
    return entrant(settings, for_each) or str(config.get(f"{for_each}._target_", config.get(for_each, "")))


def write_csv(results: SweepResults) -> Path:
    """Write ``sweep.csv`` into the sweep's folder, atomically: the rows of the sweep.

    Text that a spreadsheet would take for a formula has an apostrophe before it, by which spreadsheets mark text.
    """
    rows = rows_of(results)
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(map(cell, rows[0] if rows else ()))
    writer.writerows([cell(value) for value in row.values()] for row in rows)
    path = results.folder / "sweep.csv"
    write_atomically(path, content.getvalue().encode())
    return path


def rows_of(results: SweepResults) -> list[dict[str, Any]]:
    """One row per job, of any status, all with the same columns: settings, metrics, configuration.

    A job has None where it has no value. Lists and mappings are JSON.
    """
    parts = [_row(job) for job in results.jobs]
    columns = dict.fromkeys(key for part in range(3) for row in parts for key in row[part])
    # A key that is both an axis and a metric, such as seed, is one column, the axis.
    merged = [{**config, **metrics, **own} for own, metrics, config in parts]
    return [{column: _scalar(row.get(column)) for column in columns} for row in merged]


def _row(job: Job) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    own = {"job": job.folder.name, "status": job.status, "reason": job.metrics.get("reason", ""), "stage": job.stage}
    rest = {"folder": str(job.folder), "overrides": " ".join(job.overrides)}
    return {**own, **job.settings}, {k: v for k, v in job.metrics.items() if k not in own}, {**rest, **job.config}


def cell(value: Any) -> Any:
    """A value in a CSV file: text that a spreadsheet would take for a formula has an apostrophe before it."""
    value = _scalar(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _scalar(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
