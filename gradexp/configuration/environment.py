"""Where a run takes place: the machine, the versions of what computes, and the state of the user's code."""

import os
import platform
import subprocess
import sys
import time
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gradexp.engine.cores import core_count

PACKAGES = ("gradexp", "torch", "lightning")
PATIENCE = 5  # seconds that git may take
MINUTE = 60.0  # for how long a revision is taken to be unchanged: a sweep's jobs ask for it one by one
ENVIRONMENT = ("machine", "versions", "git_revision")  # the keys of `environment`


def environment(folder: Path) -> dict[str, str]:
    """Machine, versions and git revision, as text for metrics.json.

    Args:
        folder: Where the command was typed. Without a git repository there, the revision is absent.
    """
    found = {"machine": _machine(), "versions": versions()}
    revision = _revision(str(folder), int(time.monotonic() / MINUTE))
    return found | ({"git_revision": revision} if revision else {})


def versions() -> str:
    """The versions of gradexp, torch, Lightning and Python, such as "gradexp 1.2.0, torch 2.9.1, ..."."""
    return ", ".join([*(f"{name} {_version(name)}" for name in PACKAGES), f"Python {platform.python_version()}"])


@cache  # parsing what pip has recorded of a package takes a millisecond, in each job of a sweep
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _machine() -> str:
    parts = [platform.node() or "unknown", f"{platform.system()} {platform.machine()}", f"{core_count()} cores"]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():  # asking would take a second, and memory on the GPU
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


@lru_cache(maxsize=8)
def _revision(folder: str, minute: int) -> str:
    """The commit that is checked out, and whether tracked files differ from it; "" without a repository, or git."""
    # A repository's own configuration may name a program for git status to start.
    command = ["git", "-C", folder, "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"]
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*command, "--untracked-files=no"],
            capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=True, env=quiet,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = done.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    if commit in ("", "(initial)"):
        return ""
    return f"{commit}{' with uncommitted changes' if any(not line.startswith('#') for line in lines) else ''}"
