"""The configurations of a sweep's jobs, composed faster than by Hydra alone."""

from collections.abc import Callable, Iterable
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gradexp.app.class_overrides import add_without_plus, typed_sections


class Composer:
    """Composes each choice of options once, and puts plain values in as Hydra would: a fifth of a second less a job.

    Args:
        compose: Hydra's own composing.
        parser: Of Hydra's overrides.
    """

    def __init__(self, compose: Callable[[list[str]], DictConfig], parser: OverridesParser) -> None:
        self._compose = compose
        self.parser = parser
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration of a job, without Hydra's own part."""
        parsed = self.parser.parse_overrides(overrides)
        groups = self.groups(parsed)
        changes = [o for o in parsed if o.type is OverrideType.CHANGE and o.package is None]
        options = [o for o in changes if o.key_or_group in groups and not isinstance(o.value(), dict)]
        # A class decides what else is in its section, as an option does.
        plain = [o for o in changes if o.key_or_group not in groups and not typed_sections(o)]
        rest = [override for override in parsed if override not in plain]
        if any(_touch(one.key_or_group, other.key_or_group) for one in plain for other in rest if other not in options):
            plain, rest = [], parsed  # what is added or deleted and changed too goes by the order of both
        whole = self._whole([_line(override) for override in rest])
        cfg = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
        add_without_plus(plain, cfg)
        OmegaConf.set_struct(cfg, True)
        try:
            for override in plain:
                is_added = override.is_force_add()
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=is_added)
        except OmegaConfBaseException:
            self._compose(overrides)  # whose error names the key as Hydra does
            raise
        return cfg

    def groups(self, parsed: Iterable[Override]) -> Iterable[str]:
        """Names of the groups, with those that an experiment brings along."""
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


def _touch(one: str, other: str) -> bool:
    """Whether one of two keys is the other, or a part of it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
