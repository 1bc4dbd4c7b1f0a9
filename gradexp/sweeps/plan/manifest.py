"""A sweep's manifest: its command, and its jobs by the hash of the configuration asked for."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gradexp.configuration.values import same
from gradexp.files import write_json
from gradexp.objective.monitor import Mode
from gradexp.sweeps.plan.axes import text

NAME = "manifest.json"
FORMAT = 2  # grows when other versions of gradexp can no longer read it
ABSENT = "absent"


@dataclass(frozen=True)
class PlannedJob:
    """A job as it was planned.

    Attributes:
        folder: Name of its folder in the sweep's.
        stage: "grid"; "final" for fresh seeds of a setting that won the grid; "superseded" for final runs of a setting
            that no longer wins since the grid was extended.
        overrides: The command line of a single run that is this job.
        settings: The value of each axis.
    """

    folder: str
    stage: str
    overrides: list[str]
    settings: dict[str, Any]

    @property
    def label(self) -> str:
        """The settings, as they would be typed."""
        return " ".join(f"{key}={text(value)}" for key, value in self.settings.items())


@dataclass
class Manifest:
    """The content of ``manifest.json`` in the sweep's folder.

    Attributes:
        name: Name of the experiment.
        monitor: Metric that the sweep ranks by.
        on_failure: "continue", or "stop": no job starts after one has failed.
        command: What was typed, axes and all.
        base: Flat configuration that all jobs share.
        varying: The other flat keys.
        jobs: By the hash of the configuration asked for; the configuration that ran is in the job's folder.
        monitor_mode: "max" where a higher monitor is better, else "min".
    """

    name: str
    monitor: str
    on_failure: str
    command: list[str]
    base: dict[str, Any]
    varying: list[str]
    jobs: dict[str, PlannedJob] = field(default_factory=dict)
    monitor_mode: Mode | None = None

    @staticmethod
    def read(folder: Path) -> "Manifest | None":
        """The manifest in `folder`; None if there is none.

        Raises:
            ValueError: The file is not a manifest of this format.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text())
            written = content.pop("format", "none")
            if written == FORMAT:
                del content["axes"]  # written for people; the jobs have them
                jobs = {key: _job(job) for key, job in content.pop("jobs").items()}
                return Manifest(**content, jobs=jobs)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path} must be a manifest that a sweep wrote; it cannot be read ({error}).") from error
        raise ValueError(
            f"{path} must be of format {FORMAT}; got {written}. Another version of gradexp wrote it, and this one can "
            "neither resume nor report that sweep. Run the sweep again, in another folder."
        )

    def key(self, folder: str) -> str:
        """The hash of the job that has this folder."""
        return next(key for key, job in self.jobs.items() if job.folder == folder)

    def write(self, folder: Path) -> None:
        """Write it into `folder`, atomically."""
        write_json(folder / NAME, {"format": FORMAT, "axes": self.axes, **asdict(self)})

    @property
    def axes(self) -> list[str]:
        """Keys that the jobs have settings for."""
        return list(dict.fromkeys(key for job in self.jobs.values() for key in job.settings))

    def add(self, jobs: Mapping[str, PlannedJob]) -> None:
        """Add the jobs that are new, each with the next folder number."""
        number = max((int(job.folder) + 1 for job in self.jobs.values()), default=0)
        for key, job in jobs.items():
            if key not in self.jobs:
                self.jobs[key] = replace(job, folder=str(number))
                number += 1

    def add_finals(self, jobs: Mapping[str, PlannedJob]) -> None:
        """Add final runs; those of settings that no longer win become superseded."""
        for key, job in self.jobs.items():
            if job.stage in ("final", "superseded"):
                self.jobs[key] = replace(job, stage="final" if key in jobs else "superseded")
        self.add(jobs)


def _job(content: dict[str, Any]) -> PlannedJob:
    job = PlannedJob(**content)
    return replace(job, stage="superseded") if job.stage == "beaten" else job  # its name in earlier versions


def differences(old: dict[str, Any], new: dict[str, Any], free: set[str]) -> list[str]:
    """The shared values that differ between an old plan and a new one, a phrase each.

    Args:
        old: Flat configuration that the old jobs share.
        new: Flat configuration that the new jobs share.
        free: Keys that vary within one of the two plans.
    """
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, ABSENT), new.get(key, ABSENT)
        if not same(was, now) and key not in free:
            found.append(f"{key} was {was}, is {now}")
    return found
