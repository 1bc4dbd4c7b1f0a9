"""Compositions that a process keeps: Hydra takes a tenth of a second for each, most of it for the same files.

A composition is kept without plain values, such as `seed=3`, which are then put in as Hydra would.
"""

import os
import pickle
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig

from gradexp.app.class_overrides import typed_sections
from gradexp.configuration.files import CONF_DIR

MOST_KEPT = 256  # of 20 kB each

_kept: dict[Hashable, bytes] = {}


def kept(key: Hashable, compose: Callable[[], DictConfig]) -> DictConfig:
    """What `compose` gave for the key before, or gives now; a copy of one's own, by pickle in a hundredth of the time.

    Files in conf/ that change are read anew.
    """
    key = key, _files(CONF_DIR)
    if key not in _kept:
        if len(_kept) == MOST_KEPT:
            _kept.clear()
        cfg = compose()
        try:
            _kept[key] = pickle.dumps(cfg)
        except pickle.PicklingError:  # of a plugin that Hydra has imported twice
            return cfg
    again: DictConfig = pickle.loads(_kept[key])
    return again


def without_plain(
    parsed: Sequence[Override], is_group: Callable[[str], bool]
) -> tuple[list[Override], Sequence[Override]]:
    """The overrides that only change a value, and the others: options, classes, additions and deletions.

    Where one of the former touches one of the latter the order of both matters: then none counts as plain.

    Args:
        parsed: All overrides.
        is_group: Whether a key is the name of a group of options.
    """
    changes = [override for override in parsed if override.type is OverrideType.CHANGE and override.package is None]
    plain, options = [], []
    for override in changes:
        if is_group(override.key_or_group):
            if not isinstance(override.value(), dict):
                options.append(override)
        # A class decides what else is in its section, as an option does.
        elif not override.is_sweep_override() and not typed_sections(override):
            plain.append(override)
    rest = [override for override in parsed if override not in plain]
    if any(_touch(one.key_or_group, other.key_or_group) for one in plain for other in rest if other not in options):
        return [], parsed
    return plain, rest


def lines(overrides: Sequence[Override]) -> list[str]:
    """The overrides as they were typed."""
    return [str(override.input_line) for override in overrides]


def _touch(one: str, other: str) -> bool:
    """Whether one of two keys is the other, or a part of it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Each file in the folder, with its time and size."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    stats = [(path, os.stat(path)) for path in paths]  # noqa: PTH116  # pathlib would take longer than the files
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
