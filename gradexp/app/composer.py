"""Composes the configurations of a sweep's jobs."""

from collections.abc import Callable, Collection, Iterable
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, open_dict

from gradexp.app.composition_cache import lines


class Composer:
    """Composes configurations and looks up groups and options, to plan the jobs of a sweep.

    Args:
        compose: Composes the configuration of a list of overrides.
        parser: Parses overrides.
    """

    def __init__(self, compose: Callable[[list[str]], DictConfig], parser: OverridesParser) -> None:
        self._compose = compose
        self.parser = parser

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration of a job, without the section `hydra`."""
        cfg = self._compose(overrides)  # a copy of our own, which masked_copy would copy again
        with open_dict(cfg):
            del cfg["hydra"]
        return cfg

    def groups(self, parsed: Iterable[Override]) -> Collection[str]:
        """Names of the groups, including those that an experiment adds."""
        added = [o for o in parsed if o.type is OverrideType.ADD and "." not in o.key_or_group]
        return self.choices(lines(added)).keys()

    def choices(self, overrides: list[str]) -> dict[str, str | None]:
        """The selected option of each group."""
        return cast(dict[str, str | None], dict(self._compose(overrides).hydra.runtime.choices))
