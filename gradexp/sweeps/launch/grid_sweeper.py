"""Hydra's sweeper for grids: all combinations of the values of axes, and the final runs of a benchmark."""

from pathlib import Path

from hydra.plugins.launcher import Launcher

from gradexp.rules.words import counted
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.command import make_plan
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.launch.planned_sweeper import PlannedSweeper, Work
from gradexp.sweeps.launch.run_jobs import run_jobs
from gradexp.sweeps.launch.search import Search
from gradexp.sweeps.launch.search_plan import check_no_search
from gradexp.sweeps.plan.final_runs import at_default, check_fresh, default_count, final_count, final_runs
from gradexp.sweeps.plan.manifest import Manifest
from gradexp.sweeps.plan.plan import Plan, add_jobs
from gradexp.sweeps.plan.resume import extended


class GridSweeper(PlannedSweeper):
    """Spans the jobs of a multirun; it also resumes searches, as `sweep.resume=FOLDER` alone says what is resumed.

    Args:
        params: None; Hydra's own sweeper has axes here, and gradexp refuses them before this class is built.
    """

    def __init__(self, params: None = None) -> None:
        super().__init__()

    def work_of(self, old: Manifest | None) -> type[Work]:
        return Grid if old is None or old.search is None else Search


class Grid(Work):
    """All combinations of the values of axes."""

    def plan(self, arguments: list[str], old: Manifest | None, command: list[str]) -> tuple[Plan, Manifest]:
        check_no_search(arguments)
        plan = make_plan(arguments, self.compose)
        manifest = extended(old, plan, command)
        if plan.settings["final"] is not None:
            check_fresh(manifest, plan.settings["final"])
        return plan, manifest

    def run(self, launcher: Launcher, folder: Path, plan: Plan, manifest: Manifest) -> None:
        grid = [job for job in manifest.jobs.values() if job.stage == "grid"]
        run_jobs(launcher, folder, grid, manifest.on_failure)
        if plan.settings["final"] is not None and not job_folder.is_stopped(folder):
            self.run_finals(launcher, folder, plan, manifest)

    def run_finals(self, launcher: Launcher, folder: Path, plan: Plan, manifest: Manifest) -> None:
        """The second half of a benchmark: fresh seeds at the settings that won the grid."""
        finals = Plan(plan.settings, plan.name, plan.monitor, plan.monitor_mode)
        lines = final_runs(folder, manifest, plan.settings["final"])
        add_jobs(finals, lines, "final", self.compose, at_default(manifest, lines))
        manifest.add_finals(finals.jobs)
        manifest.write(folder)
        runs = [job for job in manifest.jobs.values() if job.stage == "final"]
        run_jobs(launcher, folder, runs, manifest.on_failure)

    def print_plan(self, folder: Path, plan: Plan, manifest: Manifest) -> None:
        lines = console()
        for job in manifest.jobs.values():
            state = job_folder.state(folder / job.folder)
            lines.print(f"{job.folder:>5}  {state:<11}  {job.label}", markup=False, highlight=False, soft_wrap=True)
        final = plan.settings["final"]
        if final is not None:
            count, of_defaults = final_count(manifest, final), default_count(manifest, final)
            seeds = counted(len(final["seeds"]), "fresh seed")
            line = f"final runs: {count}, of the best of each {final['for_each']} at {seeds}"
            line += f", and up to {of_defaults} of defaults that are not the best" if of_defaults else ""
            lines.print(line, markup=False, highlight=False, soft_wrap=True)
