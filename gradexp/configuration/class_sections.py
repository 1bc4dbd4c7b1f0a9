"""Class sections: sections of the configuration with a `_target_`, and how overrides change them.

`optimizer._target_=lion_pytorch.Lion` on the command line removes all keys of the section `optimizer` except the typed
ones, so that Lion never gets `betas` and `fused` of the option adam. Further arguments of a class need no plus.
"""

from collections.abc import Collection, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gradexp.building.kinds import CLASS_GROUPS, NAMED_CLASSES

TARGET = "_target_"
CUSTOM = "custom"  # what hydra.runtime.choices shows for a group whose class was typed


def classes_in(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The sections whose class a key's value sets, with the class; the key of a whole file is empty."""
    section, _, name = key.rpartition(".")
    if name == TARGET and _is_section(section):
        yield section, value
    elif isinstance(value, dict):
        for further, item in value.items():
            yield from classes_in(f"{key}.{further}" if key else str(further), item)


def rival(key: str) -> str | None:
    """The key that conflicts with this one: `optimizer` with `optimizer._target_` and vice versa; None for others."""
    group = key.removesuffix(f".{TARGET}")
    if group not in CLASS_GROUPS:
        return None
    return group if group != key else f"{group}.{TARGET}"


def check_rivals(axes: Collection[str], given: Collection[str]) -> None:
    """Check that no axis of a sweep is the option of a group whose class is also given, or is another axis.

    Raises:
        ValueError: An axis is such an option.
    """
    for group in CLASS_GROUPS:
        if group in axes and f"{group}.{TARGET}" in {*axes, *given}:
            raise ValueError(
                f"{group} must not have several values if {group}.{TARGET} is given, as a class replaces the option. "
                f"Type one of the two; an axis of options and classes is {group}=OPTION,{{{TARGET}:CLASS}}."
            )


def _is_section(key: str) -> bool:
    """Whether the key is a class section, or lies in one."""
    first, *rest = key.split(".")
    return first in CLASS_GROUPS or (first in NAMED_CLASSES and len(rest) > 0)


def may_be_added(key: str, cfg: DictConfig, values: Collection[str], is_open: bool = False) -> bool:
    """Whether the key lies in an existing class section, and not below a plain value, typed or composed.

    Args:
        key: The key.
        cfg: The composed configuration.
        values: The typed keys.
        is_open: Whether any existing section but Hydra's will do.
    """
    parts = key.split(".")
    depth = 1 if parts[0] in CLASS_GROUPS or is_open else 2  # of the section
    is_section = len(parts) > 1 and parts[0] != "hydra" if is_open else _is_section(key)
    if not is_section or not isinstance(OmegaConf.select(cfg, ".".join(parts[:depth])), DictConfig):
        return False
    for length in range(depth + 1, len(parts)):
        above = ".".join(parts[:length])
        node = OmegaConf.select(cfg, above, throw_on_resolution_failure=False)
        if above in values or not (node is None or isinstance(node, DictConfig)):
            return False
    return True
