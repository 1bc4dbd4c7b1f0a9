"""Configurations as YAML: what `OmegaConf.to_yaml` writes, in a fifth of the time."""

import re
from typing import Any

import yaml
from omegaconf import Container, OmegaConf

# libyaml's, where PyYAML was built with it.
_Dumper: Any = getattr(yaml, "CDumper", yaml.Dumper)


class _ConfigDumper(_Dumper):  # type: ignore[misc]  # whose class is known only when it runs
    """Quotes texts that YAML, or OmegaConf as it reads them, would take for something else."""


class _PythonDumper(yaml.Dumper):  # type: ignore[misc]  # it ships no types
    """The same, slower."""


def to_yaml(cfg: Container, resolve: bool = False) -> str:
    """The configuration as YAML.

    Args:
        cfg: A configuration, or a part of one.
        resolve: Whether to write the values of interpolations.
    """
    return as_yaml(OmegaConf.to_container(cfg, resolve=resolve, enum_to_str=True))


def as_yaml(content: Any) -> str:
    """Plain data of a configuration as YAML."""
    try:
        return _dumped(content, _ConfigDumper)
    except UnicodeEncodeError:  # of a path that is not UTF-8, which libyaml cannot write
        return _dumped(content, _PythonDumper)


def _dumped(content: Any, dumper: Any) -> str:
    return str(yaml.dump(content, Dumper=dumper, default_flow_style=False, allow_unicode=True, sort_keys=False))


def _is_other(text: str) -> bool:
    """Whether YAML 1.1 says that the text is a bool, or OmegaConf, but not PyYAML, that it is a number."""
    try:
        float(text)
    except ValueError:
        return text in ("y", "Y", "n", "N")
    return True


def _text(dumper: Any, value: str) -> yaml.ScalarNode:
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", value, "'" if _is_other(value) else None)
    return node


for _dumper in (_ConfigDumper, _PythonDumper):
    _dumper.add_representer(str, _text)


def as_markdown(text: str, language: str = "yaml") -> str:
    """YAML, or lines of another language, as a block of code between fences that are longer than any in the text."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}{fence}"
