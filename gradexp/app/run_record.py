"""The record of a run's configuration: the three files that Hydra writes into `.hydra/`.

Hydra writes them before the task runs, when the data is still unknown. gradexp writes them itself, with the same
contents, after it has adapted the configuration to the data: `config.yaml` is the configuration that runs.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.app.log_file import close_logs
from gradexp.configuration.files import HYDRA_FOLDER, run_of
from gradexp.configuration.values import as_typed
from gradexp.interrupts import received
from gradexp.sweeps.job_folder import HOLDER, LOCK, METRICS, last_checkpoint
from gradexp.sweeps.launch.jobs import write_record
from gradexp.sweeps.launch.own_process import is_own_process

PARTS = (HYDRA_FOLDER, "gradexp.log", METRICS, LOCK, HOLDER, "checkpoints", "tensorboard", "figures", "report.html")
# Folders of this process's runs that were not there before, and the folders above that are to be made for them.
_new: dict[Path, list[Path]] = {}


def note_if_new(folder: str) -> None:
    """Note the folder of a run, which Hydra is about to make, if it is not there yet."""
    path = Path(os.path.abspath(folder))  # noqa: PTH100  # as Hydra does
    _new.pop(path, None)
    if not path.exists():
        _new[path] = [above for above in path.parents if not above.exists()]


class RunRecord:
    """The record of one run, created inside a Hydra job.

    Args:
        folder: The run's folder.
        asked: The configuration asked for, as composed from the command line.

    Attributes:
        ran: The configuration that runs; None until the task knows it.
        has_stepped: Whether a fit has taken a step.
    """

    def __init__(self, folder: Path, asked: DictConfig) -> None:
        self.folder = folder
        self.asked = asked
        self.ran: DictConfig | None = None
        self.has_stepped = False
        self._resumed_at = ""

    @property
    def is_resumed(self) -> bool:
        """Whether a single run resumes in its own folder; a job of a sweep has one record for all its starts."""
        if self.asked.task != "train" or in_multirun():
            return False
        run = run_of(self.asked.ckpt_path)
        return run is not None and run.resolve() == self.folder.resolve()

    @property
    def is_unchanged(self) -> bool:
        """Whether a run that resumes in its own folder has recorded nothing, or has undone it."""
        return self.is_resumed and self.ran is None

    def write(self, cfg: DictConfig) -> None:
        """Record the configuration that runs; called after data and model are built, before the first step.

        Raises:
            ValueError: The run belongs to a search that optimises in the wrong direction.
        """
        check_direction(cfg.monitor, cfg.monitor_mode)
        self._write(cfg)
        self.ran = cfg

    def write_asked(self) -> None:
        """Record the configuration asked for, of a run that failed before `write`."""
        self._write(self.asked)

    def undo(self) -> None:
        """Remove what was recorded of a resume that failed before its first step."""
        if self._resumed_at:
            shutil.rmtree(self.folder / HYDRA_FOLDER / self._resumed_at, ignore_errors=True)
            self.ran = None

    def discard(self) -> None:
        """Remove the folder of an attempt that failed before its first step, if the attempt has made it.

        A typed folder that was there before, or in which others have put something, is kept, with the reason in its
        metrics.json, as is that of a job of a sweep.
        """
        if is_first_process():
            self._discard()

    @contextmanager
    def discarded_if_interrupted(self) -> Iterator[None]:
        """Remove the folder, as `discard` does, of a run that is interrupted within before its first step."""
        try:
            yield
        except BaseException as error:
            # Of the environment, as Lightning is perhaps not imported yet: that would outlast the patience with Ctrl-C.
            is_first = os.environ.get("LOCAL_RANK", "0") == os.environ.get("RANK", "0") == "0"
            is_interrupted = received() or isinstance(error, KeyboardInterrupt)
            if is_interrupted and is_first and not (self.folder / METRICS).exists():
                self._discard()
            raise

    def _discard(self) -> None:
        if not (self.has_stepped or self.is_resumed or in_multirun()) and self._is_own():
            close_logs(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):  # others have put something there
                for above in _new.get(self.folder, ()):
                    above.rmdir()

    def _is_own(self) -> bool:
        """Whether the folder has a name of our own, or was made for this run and holds nothing worth keeping."""
        hydra = HydraConfig.get()
        if not any(line.lstrip("+").startswith("hydra.run.dir=") for line in as_typed(hydra.overrides.hydra)):
            return True
        known = {*PARTS, hydra.output_subdir}
        is_new = self.folder in _new and last_checkpoint(self.folder) is None  # else the run can go on
        return is_new and all(path.name in known for path in self.folder.iterdir())

    def _write(self, cfg: DictConfig) -> None:
        if not is_first_process():
            return
        folder = self.folder / HYDRA_FOLDER
        if self.is_resumed:
            now = f"resumed_{datetime.now():%Y-%m-%d_%H-%M-%S}"
            taken = len(list(folder.glob(f"{now}*")))
            self._resumed_at = self._resumed_at or (f"{now}-{taken}" if taken else now)
            folder /= self._resumed_at
        hydra: Any = HydraConfig.instance().cfg
        write_record(folder, hydra, cfg)


def check_direction(monitor: str, mode: str | None) -> None:
    """Check that a search, if there is one, optimises the monitored metric in the right direction.

    Args:
        monitor: The metric; for some data it replaces the one that was typed.
        mode: "max" if higher values are better, "min" if lower ones are, None if unknown.

    Raises:
        ValueError: The search looks for the worst value.
    """
    direction = OmegaConf.select(HydraConfig.get(), "sweeper.direction") if in_multirun() else None  # type: ignore[arg-type]
    wanted = {"max": "maximize", "min": "minimize"}.get(str(mode))
    if isinstance(direction, str) and wanted is not None and direction != wanted:
        raise ValueError(
            f"monitor must be {monitor} for this data and model, which a search must {wanted}; got a search that "
            f"would {direction} it. Type monitor={monitor}."
        )


def in_multirun() -> bool:
    """Whether the Hydra job belongs to a multirun; it may run in a process of its own."""
    job = HydraConfig.get()
    return job.mode == RunMode.MULTIRUN or is_own_process(Path(job.runtime.output_dir))


def is_first_process() -> bool:
    """Whether this process writes the run's files: the first process of a DDP run."""
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0
