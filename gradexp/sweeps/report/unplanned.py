"""The settings of jobs that no manifest has: those of a search, or of Hydra's own sweepers."""

from pathlib import Path
from typing import Any

import yaml

from gradexp.configuration.files import read_overrides
from gradexp.untrusted import Loader, check_plain


def unplanned_settings(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Without a manifest: what was typed for a job, except what was typed for all jobs."""
    typed = {name: read_overrides(folder / name) for name in names}
    common = set.intersection(*map(set, typed.values())) if len(typed) > 1 else set()
    return {
        name: {
            key.lstrip("+"): _value(value)
            for key, _, value in (line.partition("=") for line in lines if line not in common)
        }
        for name, lines in typed.items()
    }


def _value(typed: str) -> Any:
    """The value of an override; the text itself if it is none that YAML knows."""
    try:
        value = yaml.load(typed or "null", Loader)
        check_plain(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return typed
    return value
