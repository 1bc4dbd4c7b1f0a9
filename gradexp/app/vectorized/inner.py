"""The launcher that runs the parts of a vectorized sweep side by side."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig

from gradexp.app.hydra_keys import check_launcher
from gradexp.app.vectorized.task import StackTask
from gradexp.rules import did_you_mean
from gradexp.sweeps.job_folder import STACKS
from gradexp.sweeps.launch.joblib_workers import tied_workers
from gradexp.sweeps.launch.jobs import with_launcher
from gradexp.sweeps.plan.axes import text

OPTIONS = "hydra.launcher.inner_options"


def with_inner(context: HydraContext, sweep: DictConfig, name: str, options: Mapping[str, Any]) -> DictConfig:
    """A sweep's configuration with the inner launcher in place of its own, checked.

    Args:
        context: Hydra's.
        sweep: The sweep's configuration.
        name: The launcher's, an option of hydra/launcher.
        options: Changes of its options.

    Raises:
        ValueError: It is not installed, or has no such option or value.
    """
    config = with_launcher(context, sweep, name)
    check_launcher(config.hydra.launcher)
    known = [key for key in config.hydra.launcher if key != "_target_"]
    for option in options:
        if str(option).partition(".")[0] not in known:
            raise ValueError(
                f"{OPTIONS} must have options of {name}; got {option}, which is none."
                f"{did_you_mean(str(option), known)} Options of {name}: {', '.join(known)}."
            )
    if not options:
        return config
    try:
        config = with_launcher(context, sweep, name, options)
    except HydraException as error:
        reason = f"{error.__cause__ or error}".partition("\n")[0].rstrip(".")
        raise ValueError(f"{OPTIONS} must be what {name} takes; got {text(dict(options))}: {reason}.") from error
    check_launcher(config.hydra.launcher)
    return config


def run_parts(
    config: DictConfig, context: HydraContext, task: StackTask, overrides: Sequence[str]
) -> list[dict[int, JobReturn]]:
    """Run the parts of a sweep as jobs of the launcher in its configuration, which gives each a folder in `STACKS`.

    Args:
        config: The sweep's configuration, with this launcher.
        context: Hydra's.
        task: The parts.
        overrides: The command line of a job of the sweep, which says where the sweep's folder is.
    """
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    lines = [line for line in overrides if not line.startswith("hydra.sweep.subdir=")]
    folders = [f"{STACKS}/{number}" for number in range(len(task.parts))]
    try:
        with tied_workers(launcher):
            returns = launcher.launch([[*lines, f"hydra.sweep.subdir={folder}"] for folder in folders], 0)
            return [one.return_value for one in returns]
    finally:
        for folder in folders:
            rmtree(Path(str(config.hydra.sweep.dir), folder), ignore_errors=True)


def remove_if_empty(sweep: Path) -> None:
    """Remove the folder of the parts and states of a sweep, unless a state is left in it."""
    with suppress(OSError):
        (sweep / STACKS).rmdir()
