"""Runs an experiment from Python, as the command line does."""

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from gradexp.app.composition import compose
from gradexp.app.execution import Result, execute
from gradexp.app.hydra_callbacks import known_folder
from gradexp.app.section_loader import class_sections
from gradexp.configuration.files import CONF_DIR
from gradexp.untrusted import check_stays_inside


def run(*overrides: str) -> Result:
    """Run what `python -m gradexp OVERRIDES` runs, as one job even if the experiment is a multirun.

    >>> result = run("+experiment=mnist", "optimizer.lr=0.1")  # doctest: +SKIP
    >>> result.metrics["test/accuracy"]  # doctest: +SKIP

    Raises:
        ValueError: A value breaks its rule.
        hydra.errors.HydraException: An override names no key, group or option.
    """
    cfg = compose(*overrides)  # raises the errors that the command line prints
    folder = known_folder(cfg.task, cfg.ckpt_path, cfg.sweep_dir)
    if folder is not None:
        check_stays_inside(folder)
    results: list[Result] = []
    with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        job = hydra.run(
            config_name="config",
            task_function=lambda cfg: results.append(execute(cfg)),
            overrides=[*overrides, "hydra.mode=RUN", "~hydra.callbacks.check_before_run"],
        )
        _ = job.return_value  # raises the error of a run that failed
    return results[0]
