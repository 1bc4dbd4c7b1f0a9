"""Writes the report of a multirun, of several runs in one folder, or of a single run."""

import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.errors import explain
from gradexp.app.figure_files import figure_files
from gradexp.app.saved_config import with_checkpoint
from gradexp.app.tasks.restore import Restored, module_and_data
from gradexp.configuration.files import read_config
from gradexp.configuration.values import changed, flat, plain_without_hydra
from gradexp.engine.checkpoint_file import read_checkpoint
from gradexp.reports.examination import Examination, examine, part_to_examine
from gradexp.sweeps.report.page_parts import NAME
from gradexp.sweeps.report.run.report_run import report_run
from gradexp.sweeps.report.run.run_files import RunFiles, is_run
from gradexp.sweeps.report.write_report import write_report

MIB = 2**20
NO_RUNS = ("predict", "report", "compare", "explain", "export")  # tasks that train and measure nothing

Examined = tuple[Examination | None, list[str]]  # and what is left out


def report(cfg: DictConfig, console: Console) -> dict[str, Any]:
    """Write report.html into the folder `sweep_dir`, and print a summary.

    Args:
        cfg: The configuration.
        console: Where the summary is printed.

    Returns:
        The metrics of the task.

    Raises:
        ValueError: The folder holds neither a multirun nor runs, or damaged ones.
    """
    folder = Path(cfg.sweep_dir)
    if is_run(folder):
        check_has_page(folder)
        with figure_files(cfg):
            lines = report_run(folder, _default(), lambda run: _examined(run, cfg))
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return {"status": "completed"}
    with figure_files(cfg):
        jobs = write_report(folder, console)
    return {"status": "completed", **{f"jobs/{status}": count for status, count in jobs.items()}}


def check_has_page(folder: Path) -> None:
    """Check that the run in a folder can have a page; a comparison of several problems has one of its own.

    Raises:
        ValueError: The run neither trains nor measures a model.
    """
    task = read_config(folder).get("task")
    if task in NO_RUNS:
        raise ValueError(
            "sweep_dir must be the folder of a multirun, or of a run that trains or measures a model; got "
            f"{folder}, which is of task={task}."
        )


def report_at_end(folder: Path, restored: Restored | None, cfg: DictConfig) -> list[str]:
    """Write the report of a run that has just ended in this process.

    Args:
        folder: The run's.
        restored: Its module with the weights that are tested, and its data; None if it failed.
        cfg: Its configuration, which gives the size of the figures.

    Returns:
        Remarks for the summary: what is left out, and the name of the page.
    """

    def examined(run: RunFiles) -> Examined:
        if restored is None or run.status != "completed":
            return None, [f"no predictions: the run is {run.status}"]
        return _guarded(lambda: _of_model(run, restored.model, restored.data))

    with figure_files(cfg):
        _, *notes, _ = report_run(folder, _default(), examined)
    return [*notes, f"the run on one page: {NAME}"]


def peak_memory() -> dict[str, float]:
    """The most memory that this process has used so far, and that of its GPU, in MiB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB, on macOS in bytes
    found = {"memory/peak_mib": used / (MIB if sys.platform == "darwin" else MIB / 1024)}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["memory/gpu_peak_mib"] = torch.cuda.max_memory_allocated() / MIB
    return found


def _default() -> Mapping[str, Any]:
    """The flat configuration of a command line without overrides."""
    cfg = GlobalHydra.instance().config_loader().load_configuration("config", [], RunMode.RUN)
    return flat(plain_without_hydra(cfg))


def _examined(run: RunFiles, cfg: DictConfig) -> Examined:
    """The predictions of the weights in the run's folder, whose configuration is checked as that of a stranger."""
    if run.status != "completed":
        return None, [f"no predictions: the run is {run.status}"]
    path = cfg.ckpt_path or str(run.checkpoint or "")
    if not path:
        return None, ["no predictions: the folder has no checkpoint; type ckpt_path=RUN/checkpoints/best.ckpt"]

    def examined() -> Examined:
        checked = with_checkpoint(changed(cfg, {"ckpt_path": path}), HydraConfig.get())
        data, model = module_and_data(checked, path, read_checkpoint(path))
        data.prepare_data()
        return _of_model(run, model, data)

    return _guarded(examined)


def _guarded(examined: Callable[[], Examined]) -> Examined:
    """The result, or the reason for none: of the data, or of a class that is not trusted.

    The rest of the page needs neither.
    """
    try:
        return examined()
    except Exception as error:
        reason = (explain(error) or f"{type(error).__name__}: {error}").removeprefix("error: ")
        return None, [f"no predictions: {reason.rstrip('.')}"]


def _of_model(run: RunFiles, model: Any, data: Any) -> Examined:
    part = part_to_examine(run.metrics)
    if part is None:
        return None, ["no predictions: the run has measured neither validation nor test samples"]
    found = examine(model, data, part)
    if found is None:
        return None, [f"no predictions: of a {type(model).__name__} it is unknown what its outputs mean"]
    return found, []
