"""What a user types to continue a run that was interrupted."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from gradexp.app.run_record import RunRecord
from gradexp.configuration.groups import defaults, main_file, option_file
from gradexp.configuration.hashes import LOCAL_TRAINER_KEYS
from gradexp.configuration.values import plain
from gradexp.interrupts import continue_by, typed_again
from gradexp.sweeps import job_folder
from gradexp.sweeps.plan.axes import text

# Keys that a checkpoint does not contain, and that a resumed run needs as the first one had them.
MACHINE_KEYS = (
    "data_dir", "figures", "figure_format", "figure_size", "progress", "report", "threads", "trusted_packages",
)  # fmt: skip


class Continuation:
    """The command that continues a run, or why there is none; knows only what is on disk when it is called.

    Args:
        record: The run's record.
    """

    def __init__(self, record: RunRecord) -> None:
        self._folder = record.folder
        self._trains = record.asked.task == "train"
        self._record = record
        self._typed_in = Path(HydraConfig.get().runtime.cwd)
        self._before = self._stamps()

    def __call__(self) -> str | None:
        _, metrics = self._stamps()
        if metrics != self._before[1]:
            status = (job_folder.outcome(self._folder) or {}).get("status")
            return f"the run had ended already, as {status}: {self._relative(self._folder)}"
        overrides = self.overrides()
        return None if overrides is None else continue_by(*overrides)

    def overrides(self) -> list[str] | None:
        """The overrides that resume the run, whether it was interrupted or failed; None if it has saved nothing."""
        last, _ = self._stamps()
        if not self._trains or last == self._before[0]:
            return typed_again()
        path = text(self._relative(self._folder / job_folder.CHECKPOINT))
        return ["task=train", f"ckpt_path={path}", *self._of_this_machine()]

    def _stamps(self) -> tuple[int | None, int | None]:
        """The time of the last change of last.ckpt and of metrics.json: whether this process has written them."""
        files = (self._folder / name for name in (job_folder.CHECKPOINT, job_folder.METRICS))
        last, metrics = (path.stat().st_mtime_ns if path.exists() else None for path in files)
        return last, metrics

    def _of_this_machine(self) -> list[str]:
        """The settings that differ from the default and are not read from a checkpoint."""
        default = main_file()
        of_trainer = option_file("trainer", defaults()["trainer"])
        asked = plain(self._record.asked)
        changed = [key for key in MACHINE_KEYS if asked[key] != default[key]]
        changed_of_trainer = [key for key in LOCAL_TRAINER_KEYS if asked["trainer"][key] != of_trainer[key]]
        return [
            *(f"{key}={text(asked[key])}" for key in changed),
            *(f"trainer.{key}={text(asked['trainer'][key])}" for key in changed_of_trainer),
        ]

    def _relative(self, path: Path) -> str:
        """The path as it can be typed where the command was: hydra.job.chdir changes the folder."""
        return str(path.relative_to(self._typed_in) if path.is_relative_to(self._typed_in) else path)
