"""Checks that keys are typed in sections, not below single values, for which OmegaConf would put empty sections."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, ListConfig, OmegaConf

from gradexp.configuration.section_values import SECTIONS, check_is_section


def check_sections(overrides: Sequence[Override], cfg: DictConfig) -> None:
    """Check that no key is typed below a single value, be that typed before it or composed.

    Args:
        overrides: What was typed, except for options of groups; what is Hydra's, it checks itself.
        cfg: The configuration to which it is not yet applied.

    Raises:
        ConfigCompositionException: One is, as by `early_stopping=5 early_stopping.patience=2`.
    """
    typed: dict[str, Mapping[str, Any]] = {}  # by key, what is then in the configuration: the key with its value
    for override in overrides:
        key = override.key_or_group
        parts = key.split(".") if not override.is_hydra_override() else []
        for length in range(1, len(parts)):
            above = ".".join(parts[:length])
            # With a plus, a key may be put in place of a composed value.
            if above not in typed and override.type is not OverrideType.CHANGE:
                continue
            node = typed[above] if above in typed else _composed(above, cfg)
            if above in SECTIONS:
                try:
                    check_is_section(above, node)
                except ValueError as error:
                    raise ConfigCompositionException(f"{error}") from error
            elif not _may_have(parts[length], node.get(above)):
                raise ConfigCompositionException(
                    f"{key} is not a key of the configuration, as {above} has a value and no keys."
                )
        if override.is_delete():
            typed[key] = {}
        elif not override.is_sweep_override():
            typed[key] = {key: override.value()}


def _composed(key: str, cfg: DictConfig) -> Mapping[str, Any]:
    """The key with its value; empty if the top level lacks it."""
    return {key: OmegaConf.select(cfg, key, throw_on_resolution_failure=False)} if "." in key or key in cfg else {}


def _may_have(name: str, value: Any) -> bool:
    """Whether a value may have a key of this name, or an item of this number."""
    if isinstance(value, list | ListConfig):
        return name.isdigit() and int(name) < len(value)
    return not isinstance(value, bool | int | float | str)
