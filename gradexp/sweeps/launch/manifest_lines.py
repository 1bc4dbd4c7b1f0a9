"""What a resumed sweep takes from its manifest, which others may have written: only the settings that span it.

Hydra's own keys, trusted packages, mirrors, tasks that do not train, and other files and folders than the sweep's are
taken from the command line alone, and nothing is interpolated.
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
from gradexp.configuration.files import CONF_DIR, SWEEP_TASKS, TYPED_ALONE, TYPED_FOR_SWEEP
from gradexp.configuration.places import place_arguments
from gradexp.configuration.values import flat
from gradexp.sweeps.launch.axis_values import axis_values
from gradexp.sweeps.launch.command import Composer
from gradexp.sweeps.plan.manifest import NAME, Manifest
from gradexp.untrusted import INTERPOLATION

TRUSTED = TYPED_ALONE[0]


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
        self._alone: dict[str, bool] = {}
        self._typed = list(typed)
        axes = [one for one in map(self._override, self._typed) if one.is_discrete_sweep()]
        self._of_axes = {f"{one.get_key_element()}={value}" for one in axes for value in axis_values(one)}

    def __call__(self, overrides: list[str]) -> DictConfig:
        return self._compose(self._checked(overrides))

    def groups(self, parsed: Iterable[Override]) -> Collection[str]:
        return self._compose.groups(parsed)

    def choices(self, overrides: list[str]) -> Mapping[str, str | None]:
        return self._compose.choices(self._checked(overrides))

    @property
    def only_resumes(self) -> bool:
        """Whether the user typed no more than which sweep is resumed, and what must be typed again."""
        return all(
            self._key(line).startswith(("sweep.", "search.")) or self._must_be_typed(line) for line in self._typed
        )

    def command(self, manifest: Manifest) -> list[str]:
        """The command of a manifest, followed by what was typed now, of which the last value of a key is taken.

        Raises:
            ValueError: It has more than what spans a sweep, or something that must be typed again.
        """
        kept = self._kept(manifest.command)
        self._check_typed(manifest.command)
        return [*(line for line in kept if line not in self._typed), *self._typed]

    def manifest(self, manifest: Manifest) -> Manifest:
        """The manifest, with overrides of its jobs that can be launched.

        Raises:
            ValueError: They have more than what spans a sweep, or something that must be typed again.
        """
        again = [one for one in self._typed if self._must_be_typed(one) and not self._override(one).is_sweep_override()]
        jobs = {
            key: replace(job, overrides=[*self._kept(job.overrides), *self._for_job(again, job.overrides)])
            for key, job in manifest.jobs.items()
        }
        self._check_typed([line for job in manifest.jobs.values() for line in job.overrides], of_jobs=True)
        return replace(manifest, jobs=jobs)

    def _for_job(self, typed: list[str], overrides: list[str]) -> list[str]:
        """The typed lines but for what a job sets to null, one value of an axis such as init_from=null,FILE."""
        null = {self._key(line) for line in overrides if self._override(line).value() is None}
        return [line for line in typed if self._key(line) not in null]

    def _check_typed(self, lines: Iterable[str], of_jobs: bool = False) -> None:
        """Check that what is never taken from a file was typed again; the message gives the command that does it."""
        own = {*self._typed, *self._of_axes}
        given = [self._override(line) for line in dict.fromkeys(lines) if line not in own]
        typed = {self._key(line): self._override(line) for line in self._typed}
        trusted = _trusted(_settings(typed[TRUSTED])) if TRUSTED in typed else []
        packages: dict[str, str] = {}
        untyped: dict[str, list[Override]] = {}
        for override in given:
            key, settings = override.key_or_group, _settings(override)
            named = {**foreign_packages(settings), **dict.fromkeys(_trusted(settings), str(override.input_line))}
            packages |= {name: where for name, where in named.items() if name not in (OWN_PACKAGE, *trusted)}
            # A job has one value of a typed axis; a value that was typed for all jobs replaces its own.
            is_typed = key in typed and not (of_jobs and typed[key].is_sweep_override())
            if key != TRUSTED and _typed_alone(override) and not is_typed:
                untyped.setdefault(key, [typed[key]] if key in typed else []).append(override)
        if not packages and not untyped:
            return
        again = [str(one.input_line) for key, one in typed.items() if key not in untyped and _typed_alone(one)]
        again = [line for line in again if self._key(line) != TRUSTED or not packages]
        again += [_joined(overrides) for overrides in untyped.values()]
        if packages:
            again.append(f"{TRUSTED}=[{','.join(dict.fromkeys([OWN_PACKAGE, *trusted, *packages]))}]")
        named_lines = [str(override.input_line) for overrides in untyped.values() for override in overrides]
        raise ValueError(
            f"{self.path} names {', '.join(dict.fromkeys([*packages.values(), *named_lines]))}; trusted packages, "
            "mirrors, tasks that do not train, and files and folders besides the sweep's are never taken from a file. "
            f"If you know {', '.join([*packages, *named_lines])}, type: "
            f"{shlex.join(['python', '-m', 'gradexp', '-m', *self._resume, *again])}"
        )

    def _kept(self, lines: Iterable[str]) -> list[str]:
        """The lines without those that must be typed again."""
        return self._checked([line for line in lines if line in self._of_axes or not self._must_be_typed(line)])

    def _checked(self, lines: list[str]) -> list[str]:
        for line in lines:
            reason = "" if line in self._typed or line in self._of_axes else _refused(self._override(line))
            if reason:
                raise ValueError(
                    f"{self.path} must hold only settings that span the sweep; got {line!r}: {reason}. If it is your "
                    f"sweep, type its whole command again, with {shlex.join(self._resume)}."
                )
        return lines

    def _must_be_typed(self, line: str) -> bool:
        if line not in self._alone:
            self._alone[line] = must_be_typed(self._override(line))
        return self._alone[line]

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


def must_be_typed(override: Override) -> bool:
    """Whether an override of a sweep is typed again when the sweep is resumed: it is not taken from the manifest."""
    return override.key_or_group in TYPED_FOR_SWEEP or bool(_typed_alone(override))


def _typed_alone(override: Override) -> list[str]:
    """The keys of what an override sets that a manifest cannot; null, which sets nothing, is none."""
    settings = _settings(override)
    is_task = any(text not in SWEEP_TASKS for text in _texts(settings.get("task")))
    return [
        *(["task"] if is_task else []),
        *(name for name in TYPED_FOR_SWEEP if settings.get(name) is not None),
        *place_arguments(settings),
    ]


def _joined(overrides: Sequence[Override]) -> str:
    """One override with the values of all."""
    lines = [str(override.input_line) for override in overrides]
    return ",".join([lines[0], *(line.partition("=")[2] for line in lines[1:])])


def _refused(override: Override) -> str:
    """Why an override in a manifest is refused; "" if it is not."""
    key, settings = override.key_or_group, _settings(override)
    if "hydra" in {re.split("[./]", key)[0], *(override.package or "").split(".")}:
        return "Hydra's own keys are taken from the command line alone"
    for name in (*(settings.keys() & {*TYPED_ALONE}), *_typed_alone(override)):
        return f"{name} is taken from the command line alone"
    texts = [text for value in settings.values() for text in _texts(value)]
    if any(INTERPOLATION in text for text in texts):
        return "an interpolation in a file is never resolved"
    if (CONF_DIR / key).is_dir() and any(".." in re.split(r"[/\\]", text) for text in texts):
        return f"an option of {key} is one of gradexp's own files"
    return ""


def _settings(override: Override) -> dict[str, Any]:
    """The flat keys that an override sets, with their values; of several values a list."""
    return flat({override.key_or_group: _plain(override.value())})


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


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, at any depth."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
