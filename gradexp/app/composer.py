"""Composes the configurations of a sweep's jobs, faster than Hydra alone."""

from collections.abc import Callable, Iterable
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gradexp.app.class_overrides import add_without_plus
from gradexp.app.kept_compositions import lines, without_plain


class Composer:
    """Composes each choice of options once and sets plain values as Hydra would, which saves 0.2 s a job.

    Args:
        compose: Composes the configuration of a list of overrides by Hydra.
        parser: Parses overrides.
    """

    def __init__(self, compose: Callable[[list[str]], DictConfig], parser: OverridesParser) -> None:
        self._compose = compose
        self.parser = parser
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration of a job, without the section `hydra`."""
        parsed = self.parser.parse_overrides(overrides)
        plain, rest = without_plain(parsed, set(self.groups(parsed)).__contains__)
        whole = self._whole(lines(rest))
        cfg = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
        add_without_plus(plain, cfg)
        OmegaConf.set_struct(cfg, True)
        try:
            for override in plain:
                is_added = override.is_force_add()
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=is_added)
        except OmegaConfBaseException:
            self._compose(overrides)  # raises Hydra's own error, which names the key
            raise
        return cfg

    def groups(self, parsed: Iterable[Override]) -> Iterable[str]:
        """Names of the groups, including those that an experiment adds."""
        added = [o for o in parsed if o.type is OverrideType.ADD and "." not in o.key_or_group]
        return self.choices(lines(added)).keys()

    def choices(self, overrides: list[str]) -> dict[str, str | None]:
        """The option of each group."""
        return cast(dict[str, str | None], dict(self._whole(overrides).hydra.runtime.choices))

    def _whole(self, overrides: list[str]) -> DictConfig:
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        return self._composed[key]
