"""The configuration: where it lies, how it is composed, checked, hashed, and taken over from a checkpoint.

Nothing here imports torch, so that help and errors in the configuration answer at Hydra's own speed.
"""

import hashlib
import json
import random
import string
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.app.config_check import check_config
from gradexp.app.retarget import drop_arguments_of_replaced_classes
from gradexp.messages import explain, traceback_wanted
from gradexp.sweeps import resources  # noqa: F401  # registers what the launchers' files ask for
from gradexp.sweeps.extras import check_installed

# A wheel carries conf/ inside the package; in a checkout it lies beside it.
CONF_DIR = next(
    path for path in (Path(__file__).parent / "conf", Path(__file__).parent.parent / "conf") if path.is_dir()
)

# What belongs to the machine and the command, not to the experiment: never taken from a checkpoint, not in the hash.
LOCAL_KEYS = (
    "task", "ckpt_path", "input", "topic", "sweep_dir", "data_dir", "figures", "progress", "threads",
    "trusted_packages", "sweep",
)  # fmt: skip
LOCAL_TRAINER_KEYS = ("accelerator", "devices", "strategy")


def compose(*overrides: str) -> DictConfig:
    """The configuration that the command line `python -m gradexp OVERRIDES` would run with.

    Raises:
        hydra.errors.HydraException: An override names no key, group or option.
        ValueError: A value breaks its rule, or a key is read by nothing.
    """
    with initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        cfg = hydra_compose("config", overrides=list(overrides))
    cfg = drop_arguments_of_replaced_classes(cfg, overrides)
    check_config(cfg, overrides)
    return cfg


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra makes the run's folder, so that a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if traceback_wanted():
            return  # the same check in the run raises with its traceback
        try:
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            typed = list(config.hydra.overrides.task)
            check_config(drop_arguments_of_replaced_classes(own, typed), typed)
        except Exception as error:
            # Hydra turns an Exception in a callback into a warning; SystemExit passes.
            sys.exit(explain(error) or f"error: {error}")

        if config.hydra.mode != RunMode.MULTIRUN and (config.sweep.axes or config.sweep.resume):
            sys.exit("error: sweep.axes and sweep.resume are of a multirun; add -m. Got a single run.")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for plugin in (config.hydra.sweeper, config.hydra.launcher):
            try:
                check_installed(plugin._target_)
            except ValueError as error:
                sys.exit(explain(error))
        if "gradexp" in config.hydra.sweeper._target_:
            for override in config.hydra.overrides.hydra:
                if override.lstrip("+~").startswith("hydra.sweep.subdir"):
                    sys.exit(
                        "error: hydra.sweep.subdir must go with another sweeper, hydra/sweeper=basic: the grid numbers "
                        f"its jobs' folders, by which it finds them again; got {override}."
                    )
            return  # it checks each job, before it makes the sweep's folder
        asked = config.sweep
        ours = ("axes", "zip", "final", "resume", "dry_run")
        typed = [f"sweep.{key}" for key in ours if asked[key]] + ["sweep.on_failure"] * (asked.on_failure != "continue")
        if typed:
            sys.exit(f"error: {', '.join(typed)} must go with hydra/sweeper=grid; got {config.hydra.sweeper._target_}.")
        if (Path(config.hydra.sweep.dir) / "manifest.json").exists():
            sys.exit(f"error: hydra.sweep.dir must be no folder of a grid's; got {config.hydra.sweep.dir}.")
        self.on_run_start(config)


def with_overrides(saved: dict[str, Any], typed: DictConfig, overrides: list[str], groups: list[str]) -> DictConfig:
    """The configuration in a checkpoint, changed by what was typed.

    With +experiment=NAME on the command line the typed configuration stands as it is; otherwise the saved one does,
    with each typed key or group put in its place.

    Args:
        saved: The resolved configuration inside the checkpoint.
        typed: The configuration composed from the command line.
        overrides: The command line's overrides, such as "optimizer=adam" and "optimizer.lr=0.1".
        groups: Names of the configuration groups.
    """
    if any(override.lstrip("+").startswith("experiment=") for override in overrides):
        return typed
    # What the checkpoint lacks (it may be older than a key) keeps its default.
    cfg = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(typed, resolve=True)))
    for key, value in saved.items():
        if key not in LOCAL_KEYS:
            cfg[key] = value
    for key in LOCAL_TRAINER_KEYS:
        cfg.trainer[key] = typed.trainer[key]
    deleted = {override.split("=")[0] for override in overrides if override.startswith("~")}
    typed_keys = [override.lstrip("+~").split("=")[0].split("@")[0] for override in overrides]
    # Whole groups first: the numbers typed beside a group belong to the new option.
    for key in sorted(typed_keys, key=lambda key: key not in groups):
        if f"~{key}" in deleted:
            parent, _, name = key.rpartition(".")
            (OmegaConf.select(cfg, parent) if parent else cfg).pop(name, None)
            continue
        OmegaConf.update(cfg, key, OmegaConf.select(typed, key), merge=False)
    return cfg


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration as plain data."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))


def config_hash(cfg: DictConfig) -> str:
    """16 hexadecimal digits that two runs share when they are the same experiment, wherever they run."""
    experiment = {key: value for key, value in plain(cfg).items() if key not in LOCAL_KEYS}
    experiment["trainer"] = {k: v for k, v in experiment["trainer"].items() if k not in LOCAL_TRAINER_KEYS}
    return hashlib.sha256(json.dumps(experiment, sort_keys=True).encode()).hexdigest()[:16]


def _random_letters() -> str:
    # Not the seeded generator: two runs with one seed must not share a folder.
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))


def _run_of(ckpt_path: str | None) -> Path | None:
    """The run folder that a checkpoint lies in, RUN of RUN/checkpoints/NAME.ckpt, or None."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).absolute().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and (run / ".hydra" / "config.yaml").is_file() else None


def _run_folder(task: str, ckpt_path: str | None, name: str, sweep_dir: str | None) -> str:
    """A new folder for the run; a resumed run goes on in its own, and a report belongs to its sweep."""
    if task == "report" and sweep_dir is not None:
        return sweep_dir
    if task == "explain":
        name = task
    run = _run_of(ckpt_path)
    if run is not None and task == "train":
        return str(run)
    if run is not None:
        name = OmegaConf.select(OmegaConf.load(run / ".hydra" / "config.yaml"), "name", default=name)
    return f"outputs/{name}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{_random_letters()}"


def _hydra_subdir(task: str, ckpt_path: str | None, mode: RunMode | None) -> str | None:
    """Where Hydra writes its three files; those of a resumed run stand beside the first ones, a report has none."""
    if task == "report":
        return None
    # A job of a sweep has a folder of its own, wherever its checkpoint lies.
    resumed_in_place = task == "train" and _run_of(ckpt_path) is not None and mode != RunMode.MULTIRUN
    return f".hydra/resumed_{datetime.now():%Y-%m-%d_%H-%M-%S}" if resumed_in_place else ".hydra"


def _sweep_folder(resume: str | None, name: str) -> str:
    """A new folder for the sweep; one that is resumed goes on in its own."""
    return resume or f"outputs/sweeps/{name}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{_random_letters()}"


# Our presets of launchers bear the names of the plugins' own, against which Hydra checks them, saying so each time.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")

for _resolver in (_run_folder, _hydra_subdir, _sweep_folder):
    # Cached, so that a folder keeps its name however often it is asked for, in all jobs of a multirun.
    OmegaConf.register_new_resolver(_resolver.__name__.lstrip("_"), _resolver, use_cache=True, replace=True)
