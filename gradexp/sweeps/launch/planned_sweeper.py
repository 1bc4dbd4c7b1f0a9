"""What our sweepers share: a plan that is checked first, a manifest, a folder that is locked, jobs that are resumed."""

from abc import ABC, abstractmethod
from pathlib import Path
from shutil import rmtree
from typing import Any

from hydra.core.override_parser.types import OverrideType
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from gradexp.configuration.yaml_text import to_yaml
from gradexp.files import remove_temporary_files, write_atomically
from gradexp.interrupts import begin_work
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.command import Composer
from gradexp.sweeps.launch.jobs import LAUNCHER, is_launcher_typed, with_launcher
from gradexp.sweeps.launch.manifest_lines import ManifestLines
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.launch.sweep_folder import claimed, end, print_counts, resume_command, resume_words, wanted
from gradexp.sweeps.plan.manifest import NAME as MANIFEST
from gradexp.sweeps.plan.manifest import Manifest
from gradexp.sweeps.plan.plan import Plan

KEPT = ("basic", "vectorized")  # launchers without options to type; their jobs differ by rounding


class Work(ABC):
    """What a sweep does: a grid, or a search.

    Args:
        config: The sweep's configuration.
        compose: Composes the configurations of jobs.
    """

    def __init__(self, config: DictConfig, compose: Composer) -> None:
        self.config, self.compose = config, compose

    @abstractmethod
    def plan(self, arguments: list[str], old: Manifest | None, command: list[str]) -> tuple[Plan, Manifest]:
        """The plan of what was typed, and the manifest of the sweep that it starts or resumes.

        Args:
            arguments: What was typed.
            old: The manifest so far; None for a new sweep.
            command: What the manifest keeps of the arguments.
        """

    @abstractmethod
    def run(self, launcher: Launcher, folder: Path, plan: Plan, manifest: Manifest) -> None:
        """Run all jobs that are not done, and write the manifest when it changes."""

    def problem(self, folder: Path, manifest: Manifest) -> str:
        """Why the sweep ends with an error although all jobs have results; "" if it does not."""
        return ""

    @abstractmethod
    def print_plan(self, folder: Path, plan: Plan, manifest: Manifest) -> None:
        """Print the jobs, and what would be done: a dry run."""


class PlannedSweeper(Sweeper):
    """Plans a multirun, keeps its manifest, and launches the jobs that are not done."""

    def __init__(self) -> None:
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self._task = config, hydra_context, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    @abstractmethod
    def work_of(self, old: Manifest | None) -> type[Work]:
        """The kind of work, for a new sweep or one with this manifest."""

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs that the arguments span.

        Raises:
            ValueError: The arguments do not go together, or the folder holds another sweep.
            JobsWithoutResult: Jobs failed; the message says which and why.
        """
        folder = Path(self.config.hydra.sweep.dir)
        as_typed = OmegaConf.to_container(self.config.hydra.sweep, resolve=False)
        chosen = self.config.sweep.resume is not None or "${sweep_folder:" not in str(as_typed)
        old = Manifest.read(folder) if chosen else None
        work, plan, manifest = self._planned(folder, old, arguments)
        if self.config.sweep.dry_run:
            work.print_plan(folder, plan, manifest)
            print_counts(folder, manifest, dry_run=True)
            console().print("nothing was run: sweep.dry_run is true", markup=False, highlight=False)
            return
        with claimed(self.config, folder, chosen) as folder:
            now = Manifest.read(folder)
            if now != old:  # another process changed it while this one planned
                work, plan, manifest = self._planned(folder, now, arguments)
            job_folder.check_records(folder / job.folder for job in manifest.jobs.values())
            print_counts(folder, manifest)
            remove_temporary_files(folder, folder / "figures")
            manifest.launcher = self.config.hydra.runtime.choices.get(LAUNCHER)
            manifest.write(folder)
            resume = f"continue with: {resume_command(folder, self.config)}"
            begin_work(lambda: resume)
            write_atomically(folder / "multirun.yaml", to_yaml(self.config).encode())
            (folder / job_folder.STOPPED).unlink(missing_ok=True)
            work.run(self.launcher, folder, plan, manifest)
            stacks = folder / job_folder.STACKS
            if stacks.is_dir() and all(job_folder.is_done(folder / job.folder) for job in wanted(manifest)):
                rmtree(stacks, ignore_errors=True)  # a sweep that was killed at its very end has left a state there
        end(self.config, self.hydra_context, folder, manifest, work.problem(folder, manifest))

    def _planned(self, folder: Path, old: Manifest | None, arguments: list[str]) -> tuple[Work, Plan, Manifest]:
        """The work, its plan, and the manifest of the sweep that it starts or resumes."""
        loader: Any = self.hydra_context.config_loader  # ours: gradexp.app.section_loader
        compose: Composer = loader.composer(self.config)
        if old is None and self.config.sweep.resume is not None:
            around = f" Did you mean {folder.parent}?" if (folder.parent / MANIFEST).is_file() else ""
            raise ValueError(
                f"sweep.resume must be the folder of a sweep, with its manifest.json; got {folder}.{around}"
            )
        work = self.work_of(old)
        if old is not None:
            lines = ManifestLines(folder, arguments, compose, resume_words(folder, self.config))
            # A search is one whole: what is typed now is a change of its command, and never an axis to add.
            if lines.only_resumes or old.search is not None:
                arguments, compose = lines.command(old), lines
                self._take_launcher(compose, arguments, old.launcher)
            old = lines.manifest(old)
        not_kept = ("sweep.resume=", "sweep.dry_run=")
        command = [argument for argument in dict.fromkeys(arguments) if not argument.startswith(not_kept)]
        found = work(self.config, compose)
        return found, *found.plan(arguments, old, command)

    def _take_launcher(self, compose: Composer, command: list[str], last: str | None) -> None:
        """Take the launcher that the sweep last ran on, unless one was typed.

        One that takes jobs to other processes or computers must be typed again. In its place comes that of a preset or
        an experiment in the sweep's command.
        """
        parsed = compose.parser.parse_overrides(command)
        added = [str(o.input_line) for o in parsed if o.type is OverrideType.ADD and not o.is_sweep_override()]
        chosen = str(compose.choices([line for line in added if "." not in line.partition("=")[0]])[LAUNCHER])
        chosen = last if last in KEPT else chosen
        if not is_launcher_typed(self.config) and chosen != self.config.hydra.runtime.choices[LAUNCHER]:
            config = with_launcher(self.hydra_context, self.config, chosen)
            with read_write(config):
                config.hydra.runtime.choices[LAUNCHER] = chosen
            self.setup(hydra_context=self.hydra_context, task_function=self._task, config=config)
