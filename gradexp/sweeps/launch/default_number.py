"""The number that a key has in a job if it is not typed: from the configuration, or the class's own default."""

from omegaconf import DictConfig, OmegaConf

from gradexp.building.class_reader import read_class
from gradexp.building.names import MissingNameError
from gradexp.configuration.class_sections import TARGET
from gradexp.rules import FINITE


def default_number(cfg: DictConfig, key: str) -> float:
    """The value of a key in a configuration; where it has none, the default of the section's class.

    Args:
        cfg: A composed configuration.
        key: Such as "optimizer.lr".

    Raises:
        ValueError: It is no number, or the class has no default for it.
    """
    value = OmegaConf.select(cfg, key)
    section, _, name = key.rpartition(".")
    target = OmegaConf.select(cfg, f"{section}.{TARGET}") if section else None
    if value is None and isinstance(target, str):
        value = _of_class(target, name, key)
    if not FINITE.holds(value) or value == 0:
        where = f" of {target}" if target else ""
        raise ValueError(
            f"sweep.axes.{key} must be of a key that has a number by default, whose multiples it tries; the default"
            f"{where} is {value}. Type {key}=VALUE,VALUE."
        )
    return float(value)


def _of_class(target: str, name: str, key: str) -> object:
    """The default of an argument in a class's source; None if the source does not show one."""
    try:
        source = read_class(target)
    except MissingNameError:  # the check of the job says it
        return None
    if source is None or source.signature is None:
        return None
    parameter = source.signature.parameters.get(name)
    if parameter is None and not source.signature.takes_any:
        taken = ", ".join(list(source.signature.parameters)[1:]) or "none"
        raise ValueError(f"{key} is not an argument of {source.name}, which takes {taken}: sweep.axes.{key} needs it.")
    return None if parameter is None else parameter.default
