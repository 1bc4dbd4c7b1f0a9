"""Jobs of a sweep that each resume a run: what a resume must keep cannot be an axis."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from gradexp.app.composer import Composer
from gradexp.app.composition import with_overrides
from gradexp.app.sampled_jobs import sampled_jobs
from gradexp.app.tasks.resume import refusal
from gradexp.building.trust import trusted_class
from gradexp.configuration.class_sections import rival
from gradexp.configuration.values import plain
from gradexp.engine.checkpoint_file import read_checkpoint, restoring
from gradexp.models import AbstractModule
from gradexp.sweeps.plan.axes import axis


def check_kept(arguments: Sequence[str], preset: Mapping[str, Any], composer: Composer, is_search: bool) -> None:
    """Check that the jobs of a sweep do not differ in what the runs that they resume must keep.

    What is typed for all jobs is left to them, as the data may ask for other settings.

    Args:
        arguments: What was typed.
        preset: The axes of a preset, `sweep.axes`.
        composer: Composes and parses.
        is_search: Whether the sweeper draws from intervals.

    Raises:
        ValueError: A key in which the jobs differ must stay as it was.
    """
    lines = [*arguments, *_lines(preset, arguments, composer)]
    axes = [one.key_or_group for one in composer.parser.parse_overrides(lines) if one.is_sweep_override()]
    groups = list(composer.choices([]))
    for line in sampled_jobs(lines, composer, is_search) if axes else ():
        cfg = composer(line)
        if cfg.task == "train" and cfg.ckpt_path is not None and Path(cfg.ckpt_path).is_file():
            _check_job(cfg, line, axes, groups)


def _lines(preset: Mapping[str, Any], arguments: Sequence[str], composer: Composer) -> Iterator[str]:
    """The axes of a preset as they would be typed; a typed key replaces one."""
    keys = [one.key_or_group for one in composer.parser.parse_overrides(list(arguments))]
    names = {*keys, *map(rival, keys)}
    for one in (axis(key, given) for key, given in preset.items() if key.lstrip("+") not in names):
        tables = one.values.values() if isinstance(one.values, Mapping) else [one.values]
        values = [value for table in tables for value in table]
        if values:
            yield f"{one.key}={','.join(values)}"


def _check_job(cfg: DictConfig, line: Sequence[str], axes: Collection[str], groups: list[str]) -> None:
    checkpoint = _read(cfg.ckpt_path, Path(cfg.ckpt_path).stat().st_mtime_ns)
    with restoring(cfg.ckpt_path):
        config = plain(with_overrides(checkpoint["config"], cfg, list(line), groups))
        model = trusted_class(config["model"]["_target_"], "model", config["trusted_packages"])
        message = refusal(config, checkpoint, issubclass(model, AbstractModule), lambda key: _is_of(key, axes))
    if message:
        raise ValueError(message)


@lru_cache(maxsize=1)
def _read(path: str, changed: int) -> dict[str, Any]:
    """The checkpoint, read once for all jobs that resume from it."""
    return read_checkpoint(path)


def _is_of(key: str, axes: Collection[str]) -> bool:
    """Whether a key or section is one of the axes, has one in it, or is in one."""
    return any(f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.") for name in axes)
