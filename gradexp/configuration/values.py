"""Configurations as plain data."""

import copy
import json
import pickle
from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration, or a section of it, as plain data. A whole one takes a millisecond."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))


def plain_without_hydra(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration of a task as plain data, from a composed one, which is not copied for it."""
    values = {str(key): cfg[key] for key in cfg if key != "hydra"}
    return {key: plain(value) if OmegaConf.is_config(value) else value for key, value in values.items()}


def flat(cfg: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A plain configuration as one flat mapping, {"optimizer.lr": 0.1, ...}; lists stay lists."""
    result: dict[str, Any] = {}
    for name, value in cfg.items():
        if isinstance(value, Mapping) and value:
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value
    return result


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration as plain data, like `plain`.

    Raises:
        ValueError: An interpolation cannot be resolved; the message names its key, which OmegaConf's own may not.
    """
    try:
        return plain(cfg)
    except InterpolationResolutionError as error:
        written = flat(cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False)))
        for key, value in written.items():
            if "${" in str(value) and not _is_resolvable(cfg, key):
                reason = str(error).partition("\n")[0]
                raise ValueError(
                    f"{key} must have interpolations that can be resolved; got {value} ({reason}). A backslash before "
                    "${ makes it text."
                ) from error
        raise


def _is_resolvable(cfg: DictConfig, key: str) -> bool:
    try:
        value = OmegaConf.select(cfg, key)
        if OmegaConf.is_config(value):
            OmegaConf.to_container(value, resolve=True)
    except OmegaConfBaseException:
        return False
    return True


def as_typed(overrides: Any) -> list[str]:
    """Hydra's list of overrides as they were typed: reading an item would resolve the interpolations in it."""
    return cast(list[str], OmegaConf.to_container(overrides, resolve=False))


def copied(cfg: DictConfig) -> DictConfig:
    """A copy of a whole configuration; pickling takes a third of the time of `copy.deepcopy`."""
    try:
        return cast(DictConfig, pickle.loads(pickle.dumps(cfg)))
    except (
        pickle.PicklingError,
        AttributeError,
        TypeError,
    ):  # a schema's class that is local, or of a plugin that Hydra has imported twice
        return copy.deepcopy(cfg)


def without_hydra(cfg: DictConfig) -> DictConfig:
    """A copy of a composed configuration without the section `hydra`, if it has one: what a task gets."""
    new = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    OmegaConf.set_struct(new, OmegaConf.is_struct(cfg))
    return new


def changed(cfg: DictConfig, changes: Mapping[str, Any]) -> DictConfig:
    """A read-only copy of a configuration with other values by key, such as {"trainer.devices": 1}.

    A mapping replaces a whole section.
    """
    new = copied(cfg)
    with read_write(new):
        for key, value in changes.items():
            OmegaConf.update(new, key, value, merge=False)
    OmegaConf.set_readonly(new, True)
    return new


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same setting. Python considers 1, 1.0 and True equal, but a Trainer does not."""
    return json.dumps(one) == json.dumps(other)
