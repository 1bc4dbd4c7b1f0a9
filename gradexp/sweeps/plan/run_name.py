"""What TensorBoard calls a job of a sweep: it names a run by its path, so the last folder says what differs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradexp.reports.event_folder import event_folder
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob

LONGEST = 80  # characters
UNSAFE = re.compile(r"[^A-Za-z0-9_.,+-]+")
# A value that says by itself what it is, such as that of optimizer=sgd.
NAME = re.compile(r"(?!(?:null|none|true|false)$)[a-z_][a-z0-9_]*$", re.IGNORECASE)


def event_folder_of_job(folder: Path) -> Path:
    """Where a run writes its event files: as `event_folder`, and for a new job of a sweep into a folder named by it."""
    used = event_folder(folder)
    return used if any(used.glob("*tfevents*")) else used / run_name(settings_of_job(folder))


def settings_of_job(folder: Path) -> Mapping[str, Any]:
    """What the sweep of the job in a folder varies, by key, with the values of this job; empty for a single run."""
    job = _planned(folder)
    return {} if job is None else job.settings


def typed_in_job(folder: Path) -> Mapping[str, str]:
    """What was typed for the job in a folder, by key, with what its sweep varies; empty for a single run."""
    job = _planned(folder)
    typed = [] if job is None else [line.partition("=") for line in job.overrides if not line.startswith("~")]
    return {key.lstrip("+"): value for key, _, value in typed}


def _planned(folder: Path) -> PlannedJob | None:
    manifest = Manifest.of_job(folder)
    jobs = manifest.jobs.values() if manifest is not None else ()
    return next((job for job in jobs if job.folder == folder.name), None)


def run_name(settings: Mapping[str, Any]) -> str:
    """Settings as the name of a folder: "sgd_lr-0.01_seed-1"."""
    words = []
    for key, value in settings.items():
        word = text(value)
        if "." in key or not NAME.match(word):
            word = f"{key.rpartition('.')[2]}-{UNSAFE.sub('_', word).strip('_')}"
        words.append(UNSAFE.sub("_", word))
    return "_".join(words)[:LONGEST]
