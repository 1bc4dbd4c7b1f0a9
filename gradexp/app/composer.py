"""Composes the configurations of a sweep's jobs, faster than Hydra alone."""

from collections.abc import Callable, Iterable
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gradexp.app.class_overrides import add_without_plus, typed_sections


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
        groups = self.groups(parsed)
        changes = [o for o in parsed if o.type is OverrideType.CHANGE and o.package is None]
        options = [o for o in changes if o.key_or_group in groups and not isinstance(o.value(), dict)]
        # A typed class replaces its section, as an option does, so it is not a plain value.
        plain = [o for o in changes if o.key_or_group not in groups and not typed_sections(o)]
        rest = [override for override in parsed if override not in plain]
        others = [o for o in rest if o not in options]
        if any(_overlap(one.key_or_group, other.key_or_group) for one in plain for other in others):
            plain, rest = [], parsed  # the order matters for keys that are both changed and added or deleted
        whole = self._whole([_line(override) for override in rest])
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
        return self.choices([_line(override) for override in added]).keys()

    def choices(self, overrides: list[str]) -> dict[str, str | None]:
        """The option of each group."""
        return cast(dict[str, str | None], dict(self._whole(overrides).hydra.runtime.choices))

    def _whole(self, overrides: list[str]) -> DictConfig:
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        return self._composed[key]


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _overlap(one: str, other: str) -> bool:
    """Whether two keys are equal or one contains the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
