"""Runs an experiment from Python, as the command line does."""

import os
from pathlib import Path

from hydra.types import RunMode

from gradexp.app.caller_state import caller_state
from gradexp.app.composition import compose
from gradexp.app.execution import Result, execute
from gradexp.app.hydra_callbacks import known_folder
from gradexp.app.hydra_keys import check_hydra_keys
from gradexp.app.own_hydra import own_hydra
from gradexp.app.quoting import with_readable_baseline
from gradexp.app.run_record import note_if_new
from gradexp.app.unreadable import check_readable
from gradexp.configuration.values import plain
from gradexp.sweeps.launch.own_process import needs_own_process, run_alone
from gradexp.sweeps.launch.resources import gpu_count
from gradexp.sweeps.plan.axes import text
from gradexp.untrusted import check_stays_inside

PREDICTING = ("train", "test", "predict")  # tasks


def run(*overrides: str, predictions: bool = False) -> Result:
    """Run what `python -m gradexp OVERRIDES` runs, as one job even if the experiment is a multirun.

    The result has the metrics, the folder, the trained module with the weights that were tested, and on request the
    predictions for the test part.

    The process is afterwards as it was before: logging, warning filters, random streams, torch's settings, environment
    variables, current folder. Runs in several threads take place one after the other. A run of several processes
    (`trainer.devices=2`) takes place in processes of its own.

    >>> result = run("+experiment=mnist", "optimizer.lr=0.1")  # doctest: +SKIP
    >>> result.metrics["test/accuracy"], result.module  # doctest: +SKIP

    Args:
        overrides: What is typed on the command line.
        predictions: Whether to predict for the test part, as `task=predict` does, but without a file.

    Raises:
        TypeError: An override is no text, such as a list of them.
        ValueError: A value breaks its rule, or predictions are asked of a task without any or of several processes.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    check_readable(overrides)
    results: list[Result] = []
    overrides = tuple(with_readable_baseline(overrides))
    with own_hydra() as hydra:
        asked = compose(*overrides)  # raises the errors that the command line prints
        folder = known_folder(asked.task, asked.ckpt_path, asked.sweep_dir)
        if folder is not None:
            check_stays_inside(folder)
        line = [*overrides, "hydra.mode=RUN", "~hydra.callbacks.check_before_run"]
        cfg = hydra.compose_config("config", line, RunMode.RUN)
        check_hydra_keys(cfg.hydra)
        if predictions and cfg.task not in PREDICTING:
            raise ValueError(
                f"predictions must be false unless task is one of {', '.join(PREDICTING)}; got {cfg.task}."
            )
        starts_processes = "LOCAL_RANK" not in os.environ  # else torchrun, or the like, has started them
        if starts_processes and needs_own_process(plain(cfg.trainer), gpu_count(cfg.trainer.accelerator)):
            if predictions:
                raise ValueError(
                    "predictions must be false for a run of several processes; got true. Call afterwards "
                    'run("task=predict", "ckpt_path=RUN/checkpoints/best.ckpt").predictions.'
                )
            folder = Path(os.path.abspath(cfg.hydra.run.dir))  # noqa: PTH100  # as Hydra does
            metrics = run_alone(folder, [*line, f"hydra.run.dir={text(str(folder))}"], is_job=False)
            with caller_state():
                from gradexp.app.tasks.restore import module_of_run  # imports torch

                module = module_of_run(folder) if metrics["status"] == "completed" else None
            return Result(metrics, folder, module=module)
        note_if_new(cfg.hydra.run.dir)
        with caller_state():
            job = hydra.run(
                config_name="config",
                task_function=lambda cfg: results.append(execute(cfg, predictions)),
                overrides=line,
            )
            _ = job.return_value  # raises the error of a run that failed
    return results[0]
