"""The files of configurations: the YAML files of the package, and the record in a run's folder."""

from pathlib import Path
from typing import Any

import yaml

# A wheel contains conf/ inside the package, a checkout beside it.
CONF_DIR = next(path for path in (parent / "conf" for parent in Path(__file__).parents[1:3]) if path.is_dir())

HYDRA_FOLDER = ".hydra"  # in a run's folder: the configuration that ran, and the typed overrides

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # reads a thousand configurations in seconds, not in a minute


def run_of(ckpt_path: str | None) -> Path | None:
    """The run folder of a checkpoint, RUN of RUN/checkpoints/NAME.ckpt; None for a checkpoint outside of runs."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).absolute().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and has_config(run) else None


def has_config(run: Path) -> bool:
    """Whether a run's folder contains the configuration that ran."""
    return (run / HYDRA_FOLDER / "config.yaml").is_file()


def read_config(run: Path) -> dict[str, Any]:
    """The configuration that ran, as plain data; empty if the run has not written it."""
    config: dict[str, Any] = _read(run, "config.yaml") or {}
    return config


def read_overrides(run: Path) -> list[str]:
    """The typed overrides of a run; empty if the run has not written them."""
    return [str(line) for line in _read(run, "overrides.yaml") or []]


def read_hydra(run: Path) -> dict[str, Any]:
    """Hydra's part of a run's configuration; empty if the run has not written it."""
    config: dict[str, Any] = _read(run, "hydra.yaml") or {}
    return config


def _read(run: Path, name: str) -> Any:
    path = run / HYDRA_FOLDER / name
    return yaml.load(path.read_text(), LOADER) if path.is_file() else None
