"""How a configuration is composed from a command line, alone or over the one in a checkpoint.

Nothing here imports torch, so that help and errors in the configuration answer at Hydra's own speed.
"""

import warnings
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from gradexp.app.class_overrides import typed_sections
from gradexp.app.resolvers import register_resolvers
from gradexp.app.section_loader import class_sections
from gradexp.configuration.check import check_config
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.hashes import LOCAL_KEYS, LOCAL_TRAINER_KEYS

register_resolvers()

# Our presets of launchers bear the names of the plugins' own, against which Hydra checks them, warning each time.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")


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
