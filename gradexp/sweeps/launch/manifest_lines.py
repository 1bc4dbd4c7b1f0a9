"""What a resumed sweep takes from its manifest, which others may have written: only the settings that span it.

Hydra's own keys, trusted packages and mirrors are taken from the command line alone, and nothing is interpolated.
"""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig

from gradexp.building.trust import OWN_PACKAGE, foreign_packages
from gradexp.configuration.files import CONF_DIR, TYPED_ALONE
from gradexp.sweeps.launch.command import Composer
from gradexp.sweeps.plan.manifest import NAME, Manifest
from gradexp.untrusted import INTERPOLATION

TRUSTED, MIRROR = TYPED_ALONE


class ManifestLines:
    """Composes from overrides in a manifest, each of which is checked first; a Composer.

    Args:
        folder: The sweep's.
        typed: The overrides that the user typed now. A line equal to one of them is the user's own.
        compose: Composes configurations.
        resume: The overrides that resume the sweep.
    """

    def __init__(self, folder: Path, typed: Sequence[str], compose: Composer, resume: Sequence[str]) -> None:
        self.path = folder / NAME
        self.parser = compose.parser
        self._compose, self._resume = compose, resume
        self._parsed: dict[str, Override] = {}
        self._typed = list(typed)

    def __call__(self, overrides: list[str]) -> DictConfig:
        return self._compose(self._checked(overrides))

    def groups(self, parsed: Iterable[Override]) -> Collection[str]:
        return self._compose.groups(parsed)

    def choices(self, overrides: list[str]) -> Mapping[str, str | None]:
        return self._compose.choices(self._checked(overrides))

    @property
    def only_resumes(self) -> bool:
        """Whether the user typed no more than which sweep is resumed, and what must be typed again."""
        return all(self._key(line).startswith("sweep.") or self._key(line) in TYPED_ALONE for line in self._typed)

    def command(self, manifest: Manifest) -> list[str]:
        """The command of a manifest, followed by what was typed now.

        Raises:
            ValueError: It has more than what spans a sweep, or something that must be typed again.
        """
        kept = self._kept(manifest.command)
        self._check_typed(manifest.command)
        return [*kept, *self._typed]

    def manifest(self, manifest: Manifest) -> Manifest:
        """The manifest, with overrides of its jobs that can be launched.

        Raises:
            ValueError: They have more than what spans a sweep, or something that must be typed again.
        """
        again = [line for line in self._typed if self._key(line) in TYPED_ALONE]
        jobs = {key: replace(job, overrides=[*self._kept(job.overrides), *again]) for key, job in manifest.jobs.items()}
        self._check_typed([line for job in manifest.jobs.values() for line in job.overrides])
        return replace(manifest, jobs=jobs)

    def _check_typed(self, lines: Iterable[str]) -> None:
        """Check that trusted packages and a mirror were typed again; the message gives the command that does it."""
        given = [self._override(line) for line in dict.fromkeys(lines) if line not in self._typed]
        typed = {self._key(line): line for line in self._typed}
        trusted = _trusted(_settings(self._override(typed[TRUSTED]))) if TRUSTED in typed else []
        packages: dict[str, str] = {}
        mirrors: dict[str, str] = {}
        for override in given:
            line, settings = str(override.input_line), _settings(override)
            named = {**foreign_packages(settings), **dict.fromkeys(_trusted(settings), line)}
            packages |= {name: key for name, key in named.items() if name not in (OWN_PACKAGE, *trusted)}
            if settings.get(MIRROR) is not None and MIRROR not in typed:
                mirrors[line] = line
        if not packages and not mirrors:
            return
        again = [line for key, line in typed.items() if key in TYPED_ALONE and (key != TRUSTED or not packages)]
        again += mirrors.values()
        if packages:
            again.append(f"{TRUSTED}=[{','.join(dict.fromkeys([OWN_PACKAGE, *trusted, *packages]))}]")
        raise ValueError(
            f"{self.path} names {', '.join(dict.fromkeys([*packages.values(), *mirrors]))}; trusted packages and "
            f"mirrors are never taken from a file. If you know {', '.join([*packages, *mirrors])}, type: "
            f"{shlex.join(['python', '-m', 'gradexp', '-m', *self._resume, *again])}"
        )

    def _kept(self, lines: Iterable[str]) -> list[str]:
        """The lines without those that must be typed again."""
        return self._checked([line for line in lines if self._key(line) not in TYPED_ALONE])

    def _checked(self, lines: list[str]) -> list[str]:
        for line in lines:
            reason = _refused(self._override(line)) if line not in self._typed else ""
            if reason:
                raise ValueError(
                    f"{self.path} must hold only settings that span the sweep; got {line!r}: {reason}. If it is your "
                    f"sweep, type its whole command again, with {shlex.join(self._resume)}."
                )
        return lines

    def _key(self, line: str) -> str:
        return self._override(line).key_or_group

    def _override(self, line: str) -> Override:
        if line not in self._parsed:
            try:
                self._parsed[line] = self.parser.parse_override(line)
            except HydraException as error:
                reason = str(error).partition("\n")[0]
                raise ValueError(f"{self.path} must hold overrides; got {line!r} ({reason}).") from error
        return self._parsed[line]


def _refused(override: Override) -> str:
    """Why an override in a manifest is refused; "" if it is not."""
    key, settings = override.key_or_group, _settings(override)
    if "hydra" in {re.split("[./]", key)[0], *(override.package or "").split(".")}:
        return "Hydra's own keys are taken from the command line alone"
    for name in settings.keys() & {*TYPED_ALONE}:
        return f"{name} is taken from the command line alone"
    texts = [text for value in settings.values() for text in _texts(value)]
    if any(INTERPOLATION in text for text in texts):
        return "an interpolation in a file is never resolved"
    if (CONF_DIR / key).is_dir() and any(".." in re.split(r"[/\\]", text) for text in texts):
        return f"an option of {key} is one of gradexp's own files"
    return ""


def _settings(override: Override) -> dict[str, Any]:
    """The flat keys that an override sets, with their values; of several values a list."""
    return dict(_leaves(override.key_or_group, _plain(override.value())))


def _plain(value: Any) -> Any:
    """A value without Hydra's types, as which quoted text and several values are parsed."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    several = value if isinstance(value, list) else getattr(value, "list", None)
    if isinstance(several, list):
        return [_plain(item) for item in several]
    return value if isinstance(value, int | float | None) else str(getattr(value, "text", value))


def _trusted(settings: Mapping[str, Any]) -> list[str]:
    """The packages that settings trust."""
    listed = settings.get(TRUSTED)
    names = listed if isinstance(listed, list) else []
    return [name for name in names if isinstance(name, str) and name.isidentifier()]


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}", item)
    else:
        yield key, value


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, at any depth."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
