"""The folder of a planned sweep: its lock, what is said of its jobs, the command that resumes it, its end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import HydraContext
from omegaconf import DictConfig, read_write

from gradexp.configuration.values import as_typed
from gradexp.files import RESUME, random_letters
from gradexp.interrupts import command
from gradexp.rules.words import sentence
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.jobs import launcher_of_preset
from gradexp.sweeps.launch.manifest_lines import must_be_typed
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.launch.run_jobs import JobsWithoutResult
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.manifest import NAME as MANIFEST
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob


@contextmanager
def claimed(config: DictConfig, folder: Path, chosen: bool) -> Iterator[Path]:
    """The sweep's folder, locked by this process while the sweep runs.

    Args:
        config: The sweep's configuration, which gets a new name.
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
    with read_write(config):
        config.hydra.sweep.dir = str(folder)
    try:
        yield folder
    except Exception as error:
        if (folder / MANIFEST).is_file():  # said with errors of the disk, which it outlives
            error.add_note(f"{RESUME} {resume_command(folder, config)}")
        raise
    finally:
        lock.release()


def end(config: DictConfig, context: HydraContext, folder: Path, manifest: Manifest, problem: str = "") -> None:
    """Write the report of a sweep that ends with an error: jobs have no result, or there is another problem.

    Raises:
        JobsWithoutResult: In either case.
    """
    without = [job for job in wanted(manifest) if not job_folder.is_done(folder / job.folder)]
    if not without and not problem:
        return
    unwritten, they = "", "They"
    try:  # Hydra skips its callbacks when a sweep ends in an error; the report is written all the same.
        context.callbacks.on_multirun_end(config=config)
    except SystemExit as ended:
        unwritten, they = f"{str(ended.code).removeprefix('error: ').rstrip('.')}; ", "the jobs"
    if not without:
        raise JobsWithoutResult(f"error: {sentence(f'{unwritten}{problem}')}")
    states = Counter(job_folder.state(folder / job.folder) for job in without)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    raise JobsWithoutResult(
        f"error: {len(without)} of {len(wanted(manifest))} jobs have no result ({counts}). "
        f"{_first_reason(folder, without)}{unwritten}{they} are resumed by {resume_command(folder, config)}"
    )


def _first_reason(folder: Path, jobs: list[PlannedJob]) -> str:
    """Why the first job that failed did; empty if none did."""
    for job in jobs:
        outcome = job_folder.outcome(folder / job.folder)
        if outcome is not None:
            reason = str(outcome.get("reason")).strip().partition("\n")[0]
            return f"Job {job.folder}: {sentence(reason)} "
    return ""


def resume_command(folder: Path, config: DictConfig) -> str:
    """The command that resumes the sweep, on the same launcher."""
    typed = OverridesParser.create().parse_overrides(as_typed(config.hydra.overrides.task))
    again = [str(override.input_line) for override in typed if must_be_typed(override)]
    return command("-m", *resume_words(folder, config), *again)


def resume_words(folder: Path, config: DictConfig) -> list[str]:
    """The overrides that resume the sweep, on the same launcher."""
    launcher = [
        line
        for line in config.hydra.overrides.hydra
        if line.startswith(("hydra/launcher=", "hydra.launcher.", "hydra.searchpath="))
    ]
    return [*launcher_of_preset(config), *launcher, f"sweep.resume={text(str(folder))}"]


def wanted(manifest: Manifest) -> list[PlannedJob]:
    """All jobs except superseded final runs."""
    return [job for job in manifest.jobs.values() if job.stage != "superseded"]


def print_counts(folder: Path, manifest: Manifest, dry_run: bool = False) -> None:
    """Print the folder, in a dry run only if it is there, how many jobs there are, and what is done with them."""
    jobs = wanted(manifest)
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
    if not dry_run or folder.is_dir():
        lines.print(f"sweep: {folder}", markup=False, highlight=False, soft_wrap=True)
    if jobs:  # a search begins without any
        lines.print(f"jobs: {len(jobs)} ({counts})", markup=False, highlight=False, soft_wrap=True)
