"""What is to be said of a single finished run."""

import json
from pathlib import Path

import yaml
from rich.console import Console

from gradexp.config import HYDRA_FOLDER
from gradexp.diagnosis import TAGS, diagnose
from gradexp.sweeps.curves import curves
from gradexp.sweeps.job_folder import METRICS
from gradexp.sweeps.manifest import flat
from gradexp.sweeps.results import LOADER


def is_run(folder: Path) -> bool:
    """Whether the folder is a single run's, not a multirun's."""
    return (folder / METRICS).is_file() and (folder / HYDRA_FOLDER / "config.yaml").is_file()


def report_run(folder: Path, console: Console) -> None:
    """Print the diagnosis of a run from its metrics and its event files.

    Raises:
        ValueError: The run has not trained to its end, or without a validation part.
    """
    metrics = json.loads((folder / METRICS).read_text())
    config = flat(yaml.load((folder / HYDRA_FOLDER / "config.yaml").read_text(), LOADER))
    found = diagnose(metrics, curves(folder, TAGS), config)
    if found is None:
        raise ValueError(
            "sweep_dir must be a multirun, or a run that completed its training with scores of training and "
            f"validation; got {folder}, whose status is {metrics.get('status')}."
        )
    console.print(str(found), markup=False, highlight=False, soft_wrap=True)
