"""A class that is typed over a group's own: `optimizer._target_=lion_pytorch.Lion`."""

from collections.abc import Sequence
from typing import cast

from omegaconf import DictConfig, OmegaConf

from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS


def drop_arguments_of_replaced_classes(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The configuration without what a group's file says for a class that another one is typed over.

    Adam's `fused` is no argument of Lion, and nobody typed it for Lion. What is typed stays, to be checked, and so
    does what both classes take.

    Args:
        cfg: As it was composed; it is not changed.
        overrides: What was typed.
    """
    typed = {override.lstrip("+~").partition("=")[0] for override in overrides}
    dropped: list[tuple[str, str]] = []
    for group in CLASS_GROUPS:
        section = cfg.get(group)
        if f"{group}._target_" not in typed or not OmegaConf.is_dict(section):
            continue
        try:
            source = read_class(str(section.get("_target_")))
        except ValueError:
            continue  # the check will say what is wrong
        if source is None or source.signature is None:
            continue
        taken = {"_target_", *source.signature.parameters, *KINDS[group].own_keys}
        dropped += [(group, str(name)) for name in section if name not in taken and f"{group}.{name}" not in typed]
    if not dropped:
        return cfg
    kept = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(cfg, resolve=False)))
    for group, name in dropped:
        del kept[group][name]
    OmegaConf.set_struct(kept, OmegaConf.is_struct(cfg))
    return kept
