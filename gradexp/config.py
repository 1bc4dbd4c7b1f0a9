"""The configuration: where it lies, how it is composed, checked, hashed, and taken over from a checkpoint.

Nothing here imports torch, so that help and errors in the configuration answer at Hydra's own speed.
"""

import copy
import hashlib
import json
import random
import string
import sys
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write

from gradexp.app.config_check import check_config
from gradexp.class_sections import typed_sections
from gradexp.messages import explain, traceback_wanted
from gradexp.section_loader import class_sections
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

HYDRA_FOLDER = ".hydra"  # in a run's folder: the configuration, and what was typed


def compose(*overrides: str) -> DictConfig:
    """The configuration, read-only, that the command line `python -m gradexp OVERRIDES` would run with.

    Raises:
        hydra.errors.HydraException: An override names no key, group or option.
        ValueError: A value breaks its rule, or a key is read by nothing.
    """
    with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        cfg = hydra_compose("config", overrides=list(overrides))
    check_config(cfg, overrides)
    OmegaConf.set_readonly(cfg, True)
    return cfg


class CheckBeforeRun(Callback):
    """Checks the configuration before Hydra makes the run's folder, so that a bad value leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if traceback_wanted():
            return  # the same check in the run raises with its traceback
        try:
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            check_config(own, list(config.hydra.overrides.task))
        except Exception as error:
            # Hydra turns an Exception in a callback into a warning; SystemExit passes.
            sys.exit(explain(error) or f"error: {error}")

        typed = [line for line in config.hydra.overrides.task if line.lstrip("+~").startswith("sweep.")]
        if config.hydra.mode != RunMode.MULTIRUN and (typed or config.sweep.axes):
            given = ", ".join(typed) or "sweep.axes"
            sys.exit(f"error: the keys of sweep are of a multirun; add -m. Got {given} with a single run.")

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
    with each typed key or group put in its place, and a section whose class is typed as it is composed.

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
    wholes, values = [], []
    for override in OverridesParser.create().parse_overrides(overrides):
        if override.is_delete():
            parent, _, name = override.key_or_group.rpartition(".")
            (OmegaConf.select(cfg, parent) if parent else cfg).pop(name, None)
            continue
        wholes += typed_sections(override)
        values += _leaves(override.key_or_group, override.value())
    # Whole sections first: the numbers typed beside an option or a class belong to it.
    for key in (*wholes, *sorted(values, key=lambda key: key not in groups)):
        OmegaConf.update(cfg, key, OmegaConf.select(typed, key), merge=False)
    return cfg


def _leaves(key: str, value: Any) -> list[str]:
    """The key, or for a mapping the keys of all values in it."""
    if not isinstance(value, dict):
        return [key]
    return [leaf for name, item in value.items() for leaf in _leaves(f"{key}.{name}", item)]


def changed(cfg: DictConfig, changes: Mapping[str, Any]) -> DictConfig:
    """A new, read-only configuration with other values; the given one stays as it is.

    Args:
        cfg: The configuration.
        changes: Values by key, such as {"trainer.devices": 1}; a mapping replaces the whole part of the configuration.
    """
    new = copy.deepcopy(cfg)
    with read_write(new):
        for key, value in changes.items():
            OmegaConf.update(new, key, value, merge=False)
    OmegaConf.set_readonly(new, True)
    return new


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration as plain data."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))


def config_hash(cfg: DictConfig) -> str:
    """16 hexadecimal digits that two runs share when they are the same experiment, wherever they run."""
    experiment = {key: value for key, value in plain(cfg).items() if key not in LOCAL_KEYS}
    experiment["trainer"] = {k: v for k, v in experiment["trainer"].items() if k not in LOCAL_TRAINER_KEYS}
    return _digits(experiment)


def asked_hash(cfg: DictConfig, settings: Mapping[str, Any] | None = None) -> str:
    """16 hexadecimal digits by which a sweep knows a job: the hash of the configuration asked for.

    The hash of the one that ran, `config_hash`, differs where the data asks for another model or monitor.

    Args:
        cfg: The configuration of a job, as composed.
        settings: Values of the sweep's axes; those that belong to the machine, such as `threads`, tell jobs apart too.
    """
    local = (*LOCAL_KEYS, *(f"trainer.{key}" for key in LOCAL_TRAINER_KEYS))
    beside = {key: value for key, value in (settings or {}).items() if key in local}
    if cfg.task != "train" or cfg.ckpt_path is not None:
        beside |= {key: cfg[key] for key in ("task", "ckpt_path", "input")}
    return _digits([config_hash(cfg), beside]) if beside else config_hash(cfg)


def _digits(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _random_letters() -> str:
    # Not the seeded generator: two runs with one seed must not share a folder.
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))


def run_of(ckpt_path: str | None) -> Path | None:
    """The run folder that a checkpoint lies in, RUN of RUN/checkpoints/NAME.ckpt, or None."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).absolute().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and (run / HYDRA_FOLDER / "config.yaml").is_file() else None


def _run_folder(task: str, ckpt_path: str | None, name: str, sweep_dir: str | None) -> str:
    """A new folder for the run; a resumed run goes on in its own, and a report belongs to its sweep."""
    if task == "report" and sweep_dir is not None:
        return sweep_dir
    if task == "explain":
        name = task
    run = run_of(ckpt_path)
    if run is not None and task == "train":
        return str(run)
    if run is not None:
        name = OmegaConf.select(OmegaConf.load(run / HYDRA_FOLDER / "config.yaml"), "name", default=name)
    return f"outputs/{name}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{_random_letters()}"


def _sweep_folder(resume: str | None, name: str) -> str:
    """A new folder for the sweep; one that is resumed goes on in its own."""
    return resume or f"outputs/sweeps/{name}/{datetime.now():%Y-%m-%d_%H-%M-%S}-{_random_letters()}"


# Our presets of launchers bear the names of the plugins' own, against which Hydra checks them, saying so each time.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")

for _resolver in (_run_folder, _sweep_folder):
    # Cached, so that a folder keeps its name however often it is asked for, in all jobs of a multirun.
    OmegaConf.register_new_resolver(_resolver.__name__.lstrip("_"), _resolver, use_cache=True, replace=True)
