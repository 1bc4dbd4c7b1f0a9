"""Caches of files, of compositions and of parsed overrides.

Hydra takes 0.1 seconds for each composition, half of it to read files again, and of a cached one 0.2 ms for each line.

A composition is cached without plain values, such as `seed=3`, and without deletions of keys; these are then applied to
a copy, as Hydra would apply them.
"""

import copy
import os
import pickle
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf, open_dict

from gradexp.app.class_overrides import typed_sections
from gradexp.configuration.files import CONF_DIR

MAX_ENTRIES = 256  # of 20 kB each

_cache: dict[Hashable, bytes] = {}
_files_read: dict[Hashable, bytes] = {}


class Repository(CachingConfigRepository):
    """Hydra's repository of one composition, which takes files that are unchanged from earlier compositions."""

    def __init__(self, delegate: IConfigRepository) -> None:
        # Hydra copies deeply, with every structured configuration; `initialize_sources` changes the upper level only.
        self.delegate: Any = copy.copy(delegate)
        self.cache: dict[str, ConfigResult | None] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self.cache:
            self.cache[config_path] = self._load(config_path)
        return self.cache[config_path]

    def _load(self, config_path: str) -> ConfigResult | None:
        source = self.delegate._find_object_source(config_path, ObjectType.CONFIG)
        key: tuple[Hashable, ...] = (config_path, source and source.provider, source and source.path)
        if source is None or source.scheme() not in ("file", "pkg"):
            loaded: ConfigResult | None = self.delegate.load_config(config_path)
            return loaded
        if source.scheme() == "file":  # files of a package do not change
            stat = Path(source.path, source._normalize_file_name(config_path)).stat()
            key += (os.getcwd(), stat.st_mtime_ns, stat.st_size)  # noqa: PTH109
        if key not in _files_read:
            if len(_files_read) == MAX_ENTRIES:
                _files_read.clear()
            _files_read[key] = pickle.dumps(self.delegate.load_config(config_path))
        return pickle.loads(_files_read[key])  # type: ignore[no-any-return]


def cached(key: Hashable, compose: Callable[[], DictConfig]) -> DictConfig:
    """The cached composition of the key; calls `compose` if there is none.

    Returns a copy that the caller may change: unpickling takes a hundredth of the time of composing. If a file in
    conf/ changes, its compositions are made again; one that reads other folders or the environment is not cached.
    Nor is one that lacks a mandatory option, which is an error except in a multirun.
    """
    key = key, _files(CONF_DIR)
    if key not in _cache:
        if len(_cache) == MAX_ENTRIES:
            _cache.clear()
        cfg = compose()
        if cfg.hydra.searchpath or cfg.hydra.job.env_copy or OmegaConf.missing_keys(cfg.hydra.runtime.choices):
            return cfg
        try:
            _cache[key] = pickle.dumps(cfg)
        except pickle.PicklingError:  # of a plugin that Hydra has imported twice, as in the workers of a sweep
            for plugin in ("launcher", "sweeper"):  # their options have been checked where the sweep was planned
                with open_dict(cfg.hydra):
                    cfg.hydra[plugin] = OmegaConf.to_container(cfg.hydra[plugin])
            _cache[key] = pickle.dumps(cfg)
    return pickle.loads(_cache[key])  # type: ignore[no-any-return]


def parsed(overrides: Sequence[str]) -> list[Override]:
    """The overrides, as Hydra parses them; those that recur in the jobs of a sweep are parsed once.

    Raises:
        hydra.errors.OverrideParseException: One of them cannot be parsed.
    """
    try:
        return [copy.copy(_parsed(line)) for line in overrides]
    except HydraException:  # without the line, which `parse_overrides` names
        return list(OverridesParser.create().parse_overrides(list(overrides)))


@lru_cache(maxsize=4096)
def _parsed(line: str) -> Override:
    return OverridesParser.create().parse_override(line)


def without_plain(
    overrides: Sequence[Override], is_group: Callable[[str], bool]
) -> tuple[list[Override], Sequence[Override]]:
    """Split overrides into those that only change or delete a key, and the others: options, classes, additions.

    If a plain override and one of the others, except for an option, concern the same key, their order matters. Then
    no override counts as plain.

    Args:
        overrides: All of them.
        is_group: Whether a key is the name of a group of options.
    """
    kinds = (OverrideType.CHANGE, OverrideType.DEL)
    changes = [override for override in overrides if override.type in kinds and override.package is None]
    plain, options = [], []
    for override in changes:
        if is_group(override.key_or_group):
            if not override.is_delete() and not isinstance(override.value(), dict):
                options.append(override)
        # A class determines the other keys of its section, as an option does.
        elif not override.is_sweep_override() and not typed_sections(override):
            plain.append(override)
    rest = [override for override in overrides if override not in plain]
    if any(_touch(one.key_or_group, other.key_or_group) for one in plain for other in rest if other not in options):
        return [], overrides
    return plain, rest


def lines(overrides: Sequence[Override]) -> list[str]:
    """The overrides as they were typed."""
    return [str(override.input_line) for override in overrides]


def _touch(one: str, other: str) -> bool:
    """Whether two keys are equal, or one of them contains the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Path, modification time and size of each file in the folder."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    stats = [(path, os.stat(path)) for path in paths]  # noqa: PTH116  # pathlib is slower
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
