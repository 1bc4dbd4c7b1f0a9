"""A run as it is on disk, finished or not."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradexp.configuration.files import has_config, read_config, read_hydra, read_overrides, read_resumes
from gradexp.configuration.hashes import LOCAL_KEYS
from gradexp.configuration.values import flat, same
from gradexp.reports.curves import curves, scalars
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import NAME as MANIFEST
from gradexp.sweeps.report.learning_curves import Curve

BEST, LAST = "checkpoints/best.ckpt", job_folder.CHECKPOINT
FILLED_IN = ("monitor_mode",)
COMMAND = ("python", "-m", "gradexp")


@dataclass(frozen=True)
class RunFiles:
    """What a run has recorded.

    Attributes:
        folder: The run's folder.
        status: "completed", "diverged", "failed", "running" or "interrupted".
        metrics: The content of metrics.json; empty before the run has ended.
        config: Flat configuration that ran.
        commands: What was typed to start the run, and to resume it, as a shell reads it.
        typed_in: The folder where it was typed; "" if unknown.
        curves: Steps and values of all scalars, by tag.
    """

    folder: Path
    status: str
    metrics: dict[str, Any]
    config: dict[str, Any]
    commands: list[str]
    typed_in: str
    curves: dict[str, Curve]

    @property
    def name(self) -> str:
        return str(self.config.get("name", self.folder.name))

    @property
    def checkpoint(self) -> Path | None:
        """The weights that are tested; of a run that has not ended its latest state; None without any."""
        found = (self.folder / name for name in (BEST, LAST))
        return next((path for path in found if path.is_file()), None)


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a single run, not of a multirun."""
    return has_config(folder) and not (folder / MANIFEST).exists()


def read_run(folder: Path) -> RunFiles:
    """Read a run.

    Raises:
        ValueError: A file is damaged.
    """
    of_hydra, options = _hydra(folder)
    return RunFiles(
        folder,
        job_folder.state(folder),
        job_folder.outcome(folder) or {},
        flat(read_config(folder)),
        [shlex.join([*COMMAND, *options, *typed]) for typed in (read_overrides(folder), *read_resumes(folder))],
        str(of_hydra.get("cwd", "")),
        {tag: curve for tag, curve in curves(folder, scalars(folder)).items() if curve[0]},
    )


def changed_keys(config: Mapping[str, Any], default: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The keys of a configuration that differ from another one, with both values as they are typed; "" for none.

    Keys that describe the command and the machine, such as task and progress, are left out, as are what gradexp fills
    in, and sections that one of the two has none of.
    """
    keys = dict.fromkeys([*default, *config])
    return [
        (key, _typed(default, key), _typed(config, key))
        for key in keys
        if key.partition(".")[0] not in (*LOCAL_KEYS, *FILLED_IN)
        and not (config.get(key) in (None, {}) and default.get(key) in (None, {}))
        and not (key in config and key in default and same(config[key], default[key]))
    ]


def _typed(config: Mapping[str, Any], key: str) -> str:
    return text(config[key]) if key in config else ""


def _hydra(folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """What Hydra has recorded of the start, and its options for the same files; both empty without a record."""
    section = read_hydra(folder).get("hydra")
    section = section if isinstance(section, dict) else {}
    runtime, job = (section[key] if isinstance(section.get(key), dict) else {} for key in ("runtime", "job"))
    name, sources = job.get("config_name"), runtime.get("config_sources")
    options = ["--config-name", name] if isinstance(name, str) and name != "config" else []
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict) and (source.get("schema"), source.get("provider")) == ("file", "command-line"):
            options += ["--config-dir", str(source.get("path"))]
    return runtime, options
