"""Hydra's sweeper for grids that know themselves: what is done is not done again, what is half done goes on."""

import random
import shlex
import string
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write
from rich.console import Console

from gradexp.files import write_atomically
from gradexp.sweeps import job_folder
from gradexp.sweeps.final_runs import final_runs
from gradexp.sweeps.launching import check_installed, run_jobs
from gradexp.sweeps.manifest import Manifest
from gradexp.sweeps.plan import Composer, Plan, add_jobs, make_plan
from gradexp.sweeps.resume import extended

# Hydra takes plugins from this package alone.
PLUGIN_MODULE = "hydra_plugins.gradexp"


class GridSweeper(Sweeper):
    """Spans the jobs of a multirun, keeps their manifest, and gives those that are not done to Hydra's launcher.

    Args:
        params: Axes that a configuration brings along, as for Hydra's basic sweeper.
    """

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = dict(params or {})
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context = config, hydra_context
        check_installed(str(config.hydra.launcher._target_))
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs that the arguments span.

        Raises:
            ValueError: The axes do not go together, or the folder holds another sweep.
            SystemExit: Jobs failed; the message says which and why.
        """
        folder = Path(self.config.hydra.sweep.dir)
        old = Manifest.read(folder)
        if old is None and self.config.sweep.resume is not None:
            raise ValueError(f"sweep.resume must be the folder of a sweep, with its manifest.json; got {folder}.")
        command = [argument for argument in arguments if not argument.startswith(("sweep.resume=", "sweep.dry_run="))]
        if old is not None and all(argument.startswith("sweep.") for argument in command):
            command = [*old.command, *command]  # nothing but the folder was typed
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        compose = Composer(self._compose, parser)
        plan = make_plan(command, [f"{key}={value}" for key, value in self.params.items()], compose, parser)
        manifest = extended(old, plan, command)
        if self.config.sweep.dry_run:
            _list(folder, manifest)
            return
        with self._claimed(folder) as folder:
            _say(folder, manifest)
            manifest.write(folder)
            write_atomically(folder / "multirun.yaml", OmegaConf.to_yaml(self.config).encode())
            (folder / job_folder.STOPPED).unlink(missing_ok=True)
            run_jobs(self.launcher, folder, [job for job in manifest.jobs.values() if job.stage == "grid"])
            if plan.settings["final"] is not None and not (folder / job_folder.STOPPED).exists():
                self._run_finals(folder, manifest, plan, compose)
        self._end(folder, manifest)

    def _compose(self, overrides: list[str]) -> DictConfig:
        return self.hydra_context.config_loader.load_sweep_config(self.config, overrides)

    def _run_finals(self, folder: Path, manifest: Manifest, plan: Plan, compose: Composer) -> None:
        """The second half of a protocol: fresh seeds at the settings that won the grid."""
        finals = Plan(plan.settings, plan.name, plan.monitor)
        add_jobs(finals, final_runs(folder, manifest, plan.settings["final"]), "final", compose)
        manifest.add_finals(finals.jobs)
        manifest.write(folder)
        run_jobs(self.launcher, folder, [job for job in manifest.jobs.values() if job.stage == "final"])

    @contextmanager
    def _claimed(self, folder: Path) -> Iterator[Path]:
        """The sweep's folder, this process's own as long as the sweep runs.

        Raises:
            ValueError: Another process runs a sweep there.
        """
        chosen = self.config.sweep.resume is not None or any(
            override.startswith("hydra.sweep.dir=") for override in self.config.hydra.overrides.hydra
        )
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / job_folder.LOCK)
            try:
                lock.acquire(blocking=False)
                break
            except Timeout:
                if chosen:
                    raise ValueError(
                        f"{folder} must be the folder of a sweep that has ended; a process is at work on this one."
                    ) from None
                # Two sweeps of the same second drew the same letters: this one draws again.
                letters = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
                folder = folder.with_name(f"{folder.name.rpartition('-')[0]}-{letters}")
        with read_write(self.config):
            self.config.hydra.sweep.dir = str(folder)
        try:
            yield folder
        finally:
            lock.release()

    def _end(self, folder: Path, manifest: Manifest) -> None:
        without = [job for job in manifest.jobs.values() if not job_folder.is_done(folder / job.folder)]
        if not without:
            return
        # Hydra leaves its callbacks out where a sweep ends in an error; the report is wanted all the more.
        self.hydra_context.callbacks.on_multirun_end(config=self.config)
        states = Counter(job_folder.state(folder / job.folder) for job in without)
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        raise SystemExit(
            f"error: {len(without)} of {len(manifest.jobs)} jobs have no result ({told}). They are taken up again by "
            f"{_command(folder)}"
        )


def _command(folder: Path) -> str:
    return f"python -m gradexp -m {shlex.quote(f'sweep.resume={folder}')}"


def _say(folder: Path, manifest: Manifest) -> None:
    """How many jobs there are, and what will be done with them."""
    states = Counter(job_folder.state(folder / job.folder) for job in manifest.jobs.values())
    words: dict[job_folder.State, str] = {
        "completed": "done before",
        "diverged": "diverged before",
        "failed": "repeated, having failed",
        "interrupted": "gone on with",
        "running": "at work elsewhere, waited for",
        "planned": "to do",
    }
    told = ", ".join(f"{states[state]} {phrase}" for state, phrase in words.items() if states[state])
    console = Console()
    console.print(f"sweep: {folder}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"jobs: {len(manifest.jobs)} ({told})", markup=False, highlight=False, soft_wrap=True)


def _list(folder: Path, manifest: Manifest) -> None:
    """A dry run: the jobs, and what would be done."""
    console = Console()
    for job in manifest.jobs.values():
        state = job_folder.state(folder / job.folder)
        console.print(f"{job.folder:>5}  {state:<11}  {job.told}", markup=False, highlight=False, soft_wrap=True)
    _say(folder, manifest)
    console.print("nothing was run: sweep.dry_run is true", markup=False, highlight=False)


def register() -> None:
    """Make the sweeper known to Hydra, under the name of a plugin."""
    sys.modules.setdefault(PLUGIN_MODULE, sys.modules[__name__])
    GridSweeper.__module__ = PLUGIN_MODULE
    Plugins.instance().register(GridSweeper)
