"""A sweep's manifest: its command, and its jobs by the hash of the configuration asked for."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from gradexp.configuration.files import HYDRA_FOLDER
from gradexp.configuration.values import same
from gradexp.files import finite, write_json
from gradexp.objective.monitor import Mode
from gradexp.sweeps.plan.axes import typed
from gradexp.untrusted import read_json

NAME = "manifest.json"
JOBS = f"*/{HYDRA_FOLDER}/config.yaml"  # what each job has
FORMAT = 2  # grows when other versions of gradexp can no longer read it
ABSENT = "absent"
WHOLE = "a manifest that a sweep wrote"  # what manifest.json is
STAGES = ("grid", "final", "superseded")


@dataclass(frozen=True)
class PlannedJob:
    """A job as it was planned.

    Attributes:
        folder: Name of its folder in the sweep's.
        stage: "grid"; "final" for fresh seeds of a setting that won the grid; "superseded" for final runs of a setting
            that no longer wins since the grid was extended.
        overrides: The command line of a single run that is this job.
        settings: The value of each axis.
        is_default: Whether it has the default of each axis whose values lie around a default.
    """

    folder: str
    stage: str
    overrides: list[str]
    settings: dict[str, Any]
    is_default: bool = False

    @property
    def label(self) -> str:
        """The settings, as they would be typed."""
        return typed(self.settings)


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
        search: How a search searches; None for a grid.
        for_each: The axis each value of which has final runs; None without the protocol of a benchmark.
        launcher: The option of hydra/launcher that last ran it; None in the manifests of earlier versions.
    """

    name: str
    monitor: str
    on_failure: str
    command: list[str]
    base: dict[str, Any]
    varying: list[str]
    jobs: dict[str, PlannedJob] = field(default_factory=dict)
    monitor_mode: Mode | None = None
    search: dict[str, Any] | None = None
    for_each: str | None = None
    launcher: str | None = None

    @staticmethod
    def read(folder: Path) -> "Manifest | None":
        """The manifest in `folder`; None if there is none.

        Raises:
            ValueError: The file is not a manifest of this format.
        """
        path = folder / NAME
        if not path.is_file():
            return None
        content = read_json(path, WHOLE)
        if not isinstance(content, dict):
            raise ValueError(f"{path} must be {WHOLE}; it is a {type(content).__name__}, not an object.")
        written = content.get("format", "none")
        if written == FORMAT:
            wrong = _wrong(content)
            if wrong:
                raise ValueError(f"{path} must be {WHOLE}; {wrong}.")
            known = {part.name: content[part.name] for part in fields(Manifest) if part.name in content}
            return Manifest(**known | {"jobs": {key: _job(job) for key, job in content["jobs"].items()}})
        raise ValueError(
            f"{path} must be of format {FORMAT}; got {written}. Another version of gradexp wrote it, and this one can "
            "neither resume nor report that sweep. Run the sweep again, in another folder."
        )

    @staticmethod
    def of_job(folder: Path) -> "Manifest | None":
        """The manifest of the sweep that the job in `folder` belongs to, not to be changed; None if there is none.

        As `read`, but a file that is as it was at the last call is not read again.
        """
        try:
            stat = (folder.parent / NAME).stat()
        except OSError:
            return None
        return _of_version(folder.parent, stat.st_mtime_ns, stat.st_size, stat.st_ino)

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
                stage = "final" if key in jobs else "superseded"
                self.jobs[key] = replace(job, stage=stage, is_default=jobs.get(key, job).is_default)
        self.add(jobs)


@lru_cache(maxsize=1)
def _of_version(folder: Path, *version: int) -> Manifest | None:
    return Manifest.read(folder)


def _job(content: dict[str, Any]) -> PlannedJob:
    job = PlannedJob(**{part.name: content[part.name] for part in fields(PlannedJob) if part.name in content})
    return replace(job, stage="superseded") if job.stage == "beaten" else job  # its name in earlier versions


def _wrong(content: dict[str, Any]) -> str:
    """What is wrong with the content of a manifest; "" if nothing is."""
    kinds = {"name": str, "monitor": str, "command": list, "base": dict, "varying": list, "jobs": dict}
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind):
            return f"its {key} must be a {kind.__name__}; got {content.get(key)!r}"
    for key, names in (("on_failure", ("continue", "stop")), ("monitor_mode", (None, *get_args(Mode)))):
        if content.get(key) not in names:
            return f"its {key} must be one of {', '.join(map(str, names))}; got {content.get(key)!r}"
    if not isinstance(content.get("search"), dict | None):
        return f"its search must be an object; got {content['search']!r}"
    if not isinstance(content.get("for_each"), str | None):
        return f"its for_each must be a key; got {content['for_each']!r}"
    if not isinstance(content.get("launcher"), str | None):
        return f"its launcher must be a name; got {content['launcher']!r}"
    for key in ("command", "varying"):
        if not all(isinstance(item, str) for item in content[key]):
            return f"its {key} must be a list of texts; got {content[key]!r}"
    found = set()
    for key, job in content["jobs"].items():
        given = job if isinstance(job, dict) else {}
        folder, overrides = given.get("folder"), given.get("overrides")
        # A number: another name could lead out of the sweep's folder.
        if not (isinstance(folder, str) and re.fullmatch("[0-9]{1,9}", folder)) or folder in found:
            return f"the folder of job {key} must be a number of its own; got {folder!r}"
        found.add(folder)
        if given.get("stage") not in (*STAGES, "beaten"):
            return f"the stage of job {key} must be one of {', '.join(STAGES)}; got {given.get('stage')!r}"
        if not isinstance(overrides, list) or not all(isinstance(line, str) for line in overrides):
            return f"the overrides of job {key} must be a list of texts; got {overrides!r}"
        if not isinstance(given.get("is_default", False), bool):
            return f"the is_default of job {key} must be true or false; got {given['is_default']!r}"
        if not isinstance(given.get("settings"), dict):
            return f"the settings of job {key} must be an object; got {given.get('settings')!r}"
    return ""


def holds_jobs(folder: Path) -> bool:
    """Whether a folder has a manifest or the folder of a job, so that it can be a sweep's; no file is opened."""
    return (folder / NAME).is_file() or any(folder.glob(JOBS))


def check_is_sweep(folder: Path, key: str = "sweep_dir") -> None:
    """Check that a folder can be a sweep's, before anything is said of the files in it.

    Args:
        folder: The folder.
        key: The argument that names it, for the message of an error.

    Raises:
        ValueError: It has neither a manifest nor the folder of a job.
    """
    if not holds_jobs(folder):
        raise ValueError(f"{key} must be the folder of a multirun, with its jobs' folders in it; got {folder}.")


def differences(old: dict[str, Any], new: dict[str, Any], free: set[str]) -> list[str]:
    """The shared values that differ between an old plan and a new one, a phrase each.

    Args:
        old: Flat configuration that the old jobs share.
        new: Flat configuration that the new jobs share.
        free: Keys that vary within one of the two plans.
    """
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, ABSENT), finite(new.get(key, ABSENT))  # as written
        if not same(was, now) and key not in free:
            found.append(f"{key} was {was}, is {now}")
    return found
