"""Composes a configuration from a command line, alone or on top of the one in a checkpoint.

Nothing here imports torch, so help and configuration errors appear as fast as Hydra's own.
"""

from typing import Any, cast

from hydra import compose as hydra_compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from gradexp.app.class_overrides import typed_sections
from gradexp.app.errors import plain_messages
from gradexp.app.own_hydra import own_hydra
from gradexp.app.resolvers import register_resolvers
from gradexp.app.unreadable import check_readable
from gradexp.building.kinds import NAMED_CLASSES
from gradexp.configuration.check import check_config
from gradexp.configuration.class_sections import TARGET
from gradexp.configuration.files import TYPED_ALONE
from gradexp.configuration.groups import defaults, option_file
from gradexp.configuration.hashes import LOCAL_KEYS, LOCAL_TRAINER_KEYS

register_resolvers()

MAY_BE_EMPTY = ("augmentation",)  # sections that may be null


def compose(*overrides: str) -> DictConfig:
    """The read-only configuration with which `python -m gradexp OVERRIDES` would run.

    Raises:
        hydra.errors.HydraException: An override names no key, group or option.
        ValueError: A value breaks its rule, or a key is unused.
    """
    check_readable(overrides)
    with own_hydra(), plain_messages():
        cfg = hydra_compose("config", overrides=list(overrides))
        check_config(cfg, overrides)
    OmegaConf.set_readonly(cfg, True)
    return cfg


def with_overrides(saved: dict[str, Any], typed: DictConfig, overrides: list[str], groups: list[str]) -> DictConfig:
    """The configuration in a checkpoint with the typed overrides applied.

    With +experiment=NAME on the command line, the typed configuration is used unchanged. Otherwise the saved one is
    used, in which each typed key or group replaces the saved value, and a typed class replaces its whole section.

    An option of `trainer` replaces only the keys in which it differs from the default option: the others, such as
    trainer.max_epochs, are the run's.

    Args:
        saved: The resolved configuration in the checkpoint.
        typed: The configuration composed from the command line.
        overrides: The command line's overrides, such as "optimizer=adam" and "optimizer.lr=0.1".
        groups: Names of the configuration groups.

    Raises:
        ValueError: The saved configuration has no section where one must be.
    """
    if any(override.lstrip("+").startswith("experiment=") for override in overrides):
        return typed
    # Keys that the checkpoint lacks, as it may be older than a key, keep their defaults.
    own = cast(dict[str, Any], OmegaConf.to_container(typed, resolve=True))
    cfg = OmegaConf.create(own)
    for key, value in saved.items():
        if key in (*LOCAL_KEYS, "hydra"):
            continue
        if isinstance(own.get(key), dict) and not isinstance(value, dict | None if key in MAY_BE_EMPTY else dict):
            raise ValueError(f"{key} must be a section of keys and values; got {value!r}.")
        cfg[key] = value
    for key in TYPED_ALONE:
        if OmegaConf.select(cfg, key) is not None:
            OmegaConf.update(cfg, key, OmegaConf.select(typed, key))
    for key in LOCAL_TRAINER_KEYS:
        cfg.trainer[key] = typed.trainer[key]
    sections, values = [], []
    for override in OverridesParser.create().parse_overrides(overrides):
        if override.is_delete():
            parent, _, name = override.key_or_group.rpartition(".")
            (OmegaConf.select(cfg, parent) if parent else cfg).pop(name, None)
            continue
        sections += typed_sections(override)
        key, value = override.key_or_group, override.value()
        if key in NAMED_CLASSES and not isinstance(value, dict):  # an option, beside what the checkpoint has
            sections += [f"{key}.{name}" for name, section in (typed[key] or {}).items() if TARGET in section]
        elif key == "trainer" and not isinstance(value, dict):
            default = option_file(key, defaults()[key])
            values += [f"{key}.{name}" for name, one in typed[key].items() if one != default.get(name)]
        else:
            values += _leaves(key, value)
    # Whole sections first: values typed next to an option or a class belong to it.
    for key in (*sections, *sorted(values, key=lambda key: key not in groups)):
        OmegaConf.update(cfg, key, OmegaConf.select(typed, key), merge=False)
    return cfg


def _leaves(key: str, value: Any) -> list[str]:
    """The key, or the keys of all values in it if it is a section; a mapping within a section is one value."""
    if not isinstance(value, dict) or key.count(".") > (key.partition(".")[0] in NAMED_CLASSES):
        return [key]
    return [leaf for name, item in value.items() for leaf in _leaves(f"{key}.{name}", item)]
