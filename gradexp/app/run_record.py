"""What a run was configured with, in the three files that Hydra writes into `.hydra/`.

Hydra writes them before the task runs, when the data has not been seen yet. gradexp writes them itself, with the same
contents, once it knows what the data asks for: `config.yaml` is the configuration that runs.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.configuration.files import HYDRA_FOLDER, run_of
from gradexp.files import write_atomically


class RunRecord:
    """The record of one run; to be made inside a Hydra job.

    Args:
        folder: The run's.
        asked: The configuration asked for, as composed from the command line.

    Attributes:
        ran: The configuration that runs; None until the task knows it.
    """

    def __init__(self, folder: Path, asked: DictConfig) -> None:
        self.folder = folder
        self.asked = asked
        self.ran: DictConfig | None = None

    @property
    def is_resumed(self) -> bool:
        """Whether the run goes on in its own folder; a job of a sweep has one record, however often it is resumed."""
        if self.asked.task != "train" or HydraConfig.get().mode == RunMode.MULTIRUN:
            return False
        run = run_of(self.asked.ckpt_path)
        return run is not None and run.resolve() == self.folder.resolve()

    def write(self, cfg: DictConfig) -> None:
        """Record the configuration that runs: data and model are built, and the first step comes next.

        Raises:
            ValueError: The run is of a search that goes the other way.
        """
        check_direction(cfg.monitor, cfg.monitor_mode)
        self._write(cfg)
        self.ran = cfg

    def write_asked(self) -> None:
        """Record what was asked for, of a run that failed before it knew more."""
        self._write(self.asked)

    def _write(self, cfg: DictConfig) -> None:
        if not is_first_process():
            return
        resumed = f"resumed_{datetime.now():%Y-%m-%d_%H-%M-%S}" if self.is_resumed else ""
        folder = self.folder / HYDRA_FOLDER / resumed
        hydra: Any = HydraConfig.instance().cfg
        contents = {"overrides.yaml": hydra.hydra.overrides.task, "hydra.yaml": hydra, "config.yaml": cfg}
        for name, content in contents.items():  # config.yaml comes last: where it lies, the record is whole
            write_atomically(folder / name, OmegaConf.to_yaml(content).encode())


def check_direction(monitor: str, mode: str | None) -> None:
    """Hold the way that a search goes, where there is one, against the metric that a run goes by.

    Args:
        monitor: The metric, which the data may have asked for in place of the one that was typed.
        mode: "max" where more of it is better, "min" where less is; None where that is unknown.

    Raises:
        ValueError: The search looks for the worst.
    """
    hydra: Any = HydraConfig.get()
    direction = OmegaConf.select(hydra, "sweeper.direction") if hydra.mode == RunMode.MULTIRUN else None
    wanted = {"max": "maximize", "min": "minimize"}.get(str(mode))
    if isinstance(direction, str) and wanted is not None and direction != wanted:
        raise ValueError(
            f"monitor must be {monitor} for this data and model, of which a search would {wanted}; got one to "
            f"{direction}. Type monitor={monitor}."
        )


def is_first_process() -> bool:
    """Whether this process writes the run's files: of the processes of a DDP run, the first."""
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0
