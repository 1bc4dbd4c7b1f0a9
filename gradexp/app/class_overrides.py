"""Overrides of sections that are a class (see gradexp.configuration.class_sections)."""

from collections.abc import Sequence

from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig

from gradexp.building.kinds import CLASS_GROUPS
from gradexp.configuration.class_sections import classes_in, may_be_added


def typed_sections(override: Override) -> list[str]:
    """The sections whose class an override sets: "optimizer" for `optimizer._target_=CLASS`."""
    if override.is_delete() or override.is_sweep_override() or override.package is not None:
        return []
    return [section for section, _ in classes_in(override.key_or_group, override.value())]


def add_without_plus(overrides: Sequence[Override], cfg: DictConfig, is_open: bool = False) -> None:
    """Turn overrides of a class's arguments into additions (++), in place.

    The class defines the valid arguments, not the YAML file. An override below a plain value, such as
    `optimizer.lr.x=1`, is left unchanged, and Hydra rejects it.

    Args:
        overrides: All overrides to be applied.
        cfg: The configuration before they are applied.
        is_open: Whether the sections may have other keys than these, because a job or a checkpoint has other options.
    """
    values = {o.key_or_group for o in overrides if not o.is_delete() and not isinstance(o.value(), dict)}
    for override in overrides:
        is_change = override.type in (OverrideType.CHANGE, OverrideType.ADD) and override.package is None
        is_option = override.key_or_group in CLASS_GROUPS and not isinstance(override.value(), dict)
        if is_change and not is_option and may_be_added(override.key_or_group, cfg, values, is_open):
            override.type = OverrideType.FORCE_ADD


def may_have_other_keys(parsed: Sequence[Override], run_mode: RunMode) -> bool:
    """Whether a key that the composed sections lack may still be one of a job, or of a checkpoint's configuration.

    A multirun composes each job again; a checkpoint's configuration is checked when it has been read.
    """
    saved = [override for override in parsed if override.key_or_group == "ckpt_path"]
    return run_mode is RunMode.MULTIRUN or any(override.value() is not None for override in saved)
