"""What a sweep knows of itself: its command and its jobs, each under the hash of what is asked for."""

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
FORMAT = 2  # grows when another gradexp could no longer read it right
ABSENT = "absent"


@dataclass(frozen=True)
class PlannedJob:
    """A job as it was planned.

    Attributes:
        folder: Name of its folder in the sweep's.
        stage: "grid"; "final" for fresh seeds at a setting that the grid was won by; "beaten" for those of a setting
            that won until the grid was extended.
        overrides: What a single run is typed with to be this job.
        settings: The value of each axis.
    """

    folder: str
    stage: str
    overrides: list[str]
    settings: dict[str, Any]

    @property
    def told(self) -> str:
        """The settings, as they would be typed."""
        return " ".join(f"{key}={text(value)}" for key, value in self.settings.items())


@dataclass
class Manifest:
    """The sweep's own account, in ``manifest.json`` of its folder.

    Attributes:
        name: Name of the experiment.
        monitor: Metric that the sweep ranks by.
        on_failure: "continue", or "stop" where no job starts after one that failed.
        command: What was typed, axes and all.
        base: Flat configuration: what all jobs have in common.
        varying: Flat keys of the rest.
        jobs: By the hash of the configuration asked for; the one that ran is in the job's folder.
        monitor_mode: "max" where more of the monitor is better, else "min".
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
        """The manifest in `folder`, or None where there is none.

        Raises:
            ValueError: It is no manifest, or one of another format.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text())
            written = content.pop("format", "none")
            if written == FORMAT:
                del content["axes"]  # told for readers; the jobs have them
                jobs = {key: PlannedJob(**job) for key, job in content.pop("jobs").items()}
                return Manifest(**content, jobs=jobs)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path} must be a manifest that a sweep wrote; it cannot be read ({error}).") from error
        raise ValueError(
            f"{path} must be of format {FORMAT}; got {written}. Another version of gradexp wrote it, and this one can "
            "neither go on with that sweep nor report it. Run the sweep anew, in another folder."
        )

    def key(self, folder: str) -> str:
        """The hash under which the job of a folder stands."""
        return next(key for key, job in self.jobs.items() if job.folder == folder)

    def write(self, folder: Path) -> None:
        """Write it into `folder`, atomically."""
        write_json(folder / NAME, {"format": FORMAT, "axes": self.axes, **asdict(self)})

    @property
    def axes(self) -> list[str]:
        """Keys that the jobs have settings for."""
        return list(dict.fromkeys(key for job in self.jobs.values() for key in job.settings))

    def add(self, jobs: Mapping[str, PlannedJob]) -> None:
        """Take in the jobs that are new, each with the next folder."""
        number = max((int(job.folder) + 1 for job in self.jobs.values()), default=0)
        for key, job in jobs.items():
            if key not in self.jobs:
                self.jobs[key] = replace(job, folder=str(number))
                number += 1

    def add_finals(self, jobs: Mapping[str, PlannedJob]) -> None:
        """The same for the final runs; those of a setting that has since been beaten are set aside."""
        for key, job in self.jobs.items():
            if job.stage in ("final", "beaten"):
                self.jobs[key] = replace(job, stage="final" if key in jobs else "beaten")
        self.add(jobs)


def differences(old: dict[str, Any], new: dict[str, Any], free: set[str]) -> list[str]:
    """What all jobs of an old plan had in common and all jobs of a new one have otherwise, a phrase each.

    Args:
        old: What the old jobs have in common, flat.
        new: What the new jobs have in common, flat.
        free: Keys that differ between the jobs of one of the two.
    """
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, ABSENT), new.get(key, ABSENT)
        if not same(was, now) and key not in free:
            found.append(f"{key} was {was}, is {now}")
    return found
