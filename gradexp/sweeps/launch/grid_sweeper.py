"""Hydra's sweeper for grids with a manifest: finished jobs are skipped, and interrupted jobs are resumed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from gradexp.configuration.values import as_typed
from gradexp.configuration.yaml_text import to_yaml
from gradexp.files import RESUME, random_letters, remove_temporary_files, write_atomically
from gradexp.interrupts import begin_work, command
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.command import Composer, make_plan
from gradexp.sweeps.launch.jobs import LAUNCHER, is_launcher_typed, launcher_of_preset, with_launcher
from gradexp.sweeps.launch.manifest_lines import ManifestLines, must_be_typed
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.launch.run_jobs import JobsWithoutResult, run_jobs
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.final_runs import at_default, check_fresh, default_count, final_count, final_runs
from gradexp.sweeps.plan.manifest import NAME as MANIFEST
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob
from gradexp.sweeps.plan.plan import Plan, add_jobs
from gradexp.sweeps.plan.resume import extended


class GridSweeper(Sweeper):
    """Spans the jobs of a multirun, keeps their manifest, and launches those that are not done.

    Args:
        params: None; Hydra's own sweeper has axes here, and gradexp refuses them before this class is built.
    """

    def __init__(self, params: None = None) -> None:
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self._task = config, hydra_context, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs that the arguments span.

        Raises:
            ValueError: The axes do not go together, or the folder holds another sweep.
            JobsWithoutResult: Jobs failed; the message says which and why.
        """
        folder = Path(self.config.hydra.sweep.dir)
        as_typed = OmegaConf.to_container(self.config.hydra.sweep, resolve=False)
        chosen = self.config.sweep.resume is not None or "${sweep_folder:" not in str(as_typed)
        loader: Any = self.hydra_context.config_loader  # ours: gradexp.app.section_loader
        compose: Composer = loader.composer(self.config)
        old = Manifest.read(folder) if chosen else None
        plan, manifest = self._planned(folder, old, arguments, compose)
        if self.config.sweep.dry_run:
            _print_plan(folder, manifest, plan)
            return
        with self._claimed(folder, chosen) as folder:
            now = Manifest.read(folder)
            if now != old:  # another process changed it while this one planned
                plan, manifest = self._planned(folder, now, arguments, compose)
            job_folder.check_records(folder / job.folder for job in manifest.jobs.values())
            _print_counts(folder, manifest)
            remove_temporary_files(folder, folder / "figures")
            manifest.write(folder)
            resume = f"continue with: {_command(folder, self.config)}"
            begin_work(lambda: resume)
            write_atomically(folder / "multirun.yaml", to_yaml(self.config).encode())
            (folder / job_folder.STOPPED).unlink(missing_ok=True)
            grid = [job for job in manifest.jobs.values() if job.stage == "grid"]
            run_jobs(self.launcher, folder, grid, manifest.on_failure)
            if plan.settings["final"] is not None and not (folder / job_folder.STOPPED).exists():
                self._run_finals(folder, manifest, plan, compose)
            stacks = folder / job_folder.STACKS
            if stacks.is_dir() and all(job_folder.is_done(folder / job.folder) for job in _wanted(manifest)):
                rmtree(stacks, ignore_errors=True)  # a sweep that was killed at its very end has left a state there
        self._end(folder, manifest)

    def _planned(
        self, folder: Path, old: Manifest | None, arguments: list[str], compose: Composer
    ) -> tuple[Plan, Manifest]:
        """The plan of what was typed, and the manifest of the sweep that it starts or resumes."""
        if old is None and self.config.sweep.resume is not None:
            raise ValueError(f"sweep.resume must be the folder of a sweep, with its manifest.json; got {folder}.")
        if old is not None:
            lines = ManifestLines(folder, arguments, compose, _words(folder, self.config))
            if lines.only_resumes:
                arguments, compose = lines.command(old), lines
                self._take_launcher(compose, arguments)
            old = lines.manifest(old)
        plan = make_plan(arguments, compose)
        not_kept = ("sweep.resume=", "sweep.dry_run=")
        command = [argument for argument in dict.fromkeys(arguments) if not argument.startswith(not_kept)]
        manifest = extended(old, plan, command)
        if plan.settings["final"] is not None:
            check_fresh(manifest, plan.settings["final"])
        return plan, manifest

    def _take_launcher(self, compose: Composer, command: list[str]) -> None:
        """Take the launcher that a preset or an experiment of the sweep's command chooses, unless one was typed."""
        parsed = compose.parser.parse_overrides(command)
        added = [str(o.input_line) for o in parsed if o.type is OverrideType.ADD and not o.is_sweep_override()]
        chosen = str(compose.choices([line for line in added if "." not in line.partition("=")[0]])[LAUNCHER])
        if not is_launcher_typed(self.config) and chosen != self.config.hydra.runtime.choices[LAUNCHER]:
            config = with_launcher(self.hydra_context, self.config, chosen)
            with read_write(config):
                config.hydra.runtime.choices[LAUNCHER] = chosen
            self.setup(hydra_context=self.hydra_context, task_function=self._task, config=config)

    def _run_finals(self, folder: Path, manifest: Manifest, plan: Plan, compose: Composer) -> None:
        """The second half of a benchmark: fresh seeds at the settings that won the grid."""
        finals = Plan(plan.settings, plan.name, plan.monitor, plan.monitor_mode)
        lines = final_runs(folder, manifest, plan.settings["final"])
        add_jobs(finals, lines, "final", compose, at_default(manifest, lines))
        manifest.add_finals(finals.jobs)
        manifest.write(folder)
        runs = [job for job in manifest.jobs.values() if job.stage == "final"]
        run_jobs(self.launcher, folder, runs, manifest.on_failure)

    @contextmanager
    def _claimed(self, folder: Path, chosen: bool) -> Iterator[Path]:
        """The sweep's folder, locked by this process while the sweep runs.

        Args:
            folder: The folder wanted.
            chosen: Whether the user named it; if not, and another sweep has it, a new name is drawn.

        Raises:
            ValueError: Another process runs a sweep there.
        """
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / job_folder.LOCK)
            with suppress(Timeout):
                lock.acquire(blocking=False)
                if chosen or Manifest.read(folder) is None:
                    break
                lock.release()
            if chosen:
                raise ValueError(
                    f"{folder} must be the folder of a sweep that has ended; another process runs the sweep in it."
                )
            folder = folder.with_name(f"{folder.name.rpartition('-')[0]}-{random_letters()}")
        with read_write(self.config):
            self.config.hydra.sweep.dir = str(folder)
        try:
            yield folder
        except Exception as error:
            if (folder / MANIFEST).is_file():  # said with errors of the disk, which it outlives
                error.add_note(f"{RESUME} {_command(folder, self.config)}")
            raise
        finally:
            lock.release()

    def _end(self, folder: Path, manifest: Manifest) -> None:
        without = [job for job in _wanted(manifest) if not job_folder.is_done(folder / job.folder)]
        if not without:
            return
        unwritten, they = "", "They"
        try:  # Hydra skips its callbacks when a sweep ends in an error; the report is written all the same.
            self.hydra_context.callbacks.on_multirun_end(config=self.config)
        except SystemExit as end:
            unwritten, they = f"{str(end.code).removeprefix('error: ')}; ", "the jobs"
        states = Counter(job_folder.state(folder / job.folder) for job in without)
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        raise JobsWithoutResult(
            f"error: {len(without)} of {len(_wanted(manifest))} jobs have no result ({counts}). "
            f"{_first_reason(folder, without)}{unwritten}{they} are resumed by {_command(folder, self.config)}"
        )


def _first_reason(folder: Path, jobs: list[PlannedJob]) -> str:
    """Why the first job that failed did; empty if none did."""
    for job in jobs:
        outcome = job_folder.outcome(folder / job.folder)
        if outcome is not None:
            reason = str(outcome.get("reason")).strip().partition("\n")[0]
            return f"Job {job.folder}: {reason}. "
    return ""


def _command(folder: Path, config: DictConfig) -> str:
    """The command that resumes the sweep, on the same launcher."""
    typed = OverridesParser.create().parse_overrides(as_typed(config.hydra.overrides.task))
    again = [str(override.input_line) for override in typed if must_be_typed(override)]
    return command("-m", *_words(folder, config), *again)


def _words(folder: Path, config: DictConfig) -> list[str]:
    """The overrides that resume the sweep, on the same launcher."""
    launcher = [
        line
        for line in config.hydra.overrides.hydra
        if line.startswith(("hydra/launcher=", "hydra.launcher.", "hydra.searchpath="))
    ]
    return [*launcher_of_preset(config), *launcher, f"sweep.resume={text(str(folder))}"]


def _wanted(manifest: Manifest) -> list[PlannedJob]:
    """All jobs except superseded final runs."""
    return [job for job in manifest.jobs.values() if job.stage != "superseded"]


def _print_counts(folder: Path, manifest: Manifest) -> None:
    """Print how many jobs there are, and what is done with them."""
    jobs = _wanted(manifest)
    states = Counter(job_folder.state(folder / job.folder) for job in jobs)
    actions: dict[job_folder.State, str] = {
        "completed": "done before",
        "diverged": "diverged before",
        "failed": "repeated after a failure",
        "interrupted": "resumed",
        "running": "running elsewhere, waited for",
        "planned": "to do",
    }
    counts = ", ".join(f"{states[state]} {action}" for state, action in actions.items() if states[state])
    lines = console()
    lines.print(f"sweep: {folder}", markup=False, highlight=False, soft_wrap=True)
    lines.print(f"jobs: {len(jobs)} ({counts})", markup=False, highlight=False, soft_wrap=True)


def _print_plan(folder: Path, manifest: Manifest, plan: Plan) -> None:
    """Print the jobs, and what would be done: a dry run."""
    lines = console()
    for job in manifest.jobs.values():
        state = job_folder.state(folder / job.folder)
        lines.print(f"{job.folder:>5}  {state:<11}  {job.label}", markup=False, highlight=False, soft_wrap=True)
    _print_counts(folder, manifest)
    final = plan.settings["final"]
    if final is not None:
        count, of_defaults = final_count(manifest, final), default_count(manifest, final)
        line = f"final runs: {count}, of the best of each {final['for_each']} at {len(final['seeds'])} fresh seeds"
        line += f", and up to {of_defaults} of defaults that are not the best" if of_defaults else ""
        lines.print(line, markup=False, highlight=False, soft_wrap=True)
    lines.print("nothing was run: sweep.dry_run is true", markup=False, highlight=False)
