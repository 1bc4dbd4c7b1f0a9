"""Flags: what argparse, by which Hydra reads them, would answer in its own words."""

import argparse
import os
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from gradexp.app.suggestions import setting
from gradexp.rules import did_you_mean

LISTED = "-m, --cfg job, --help, --version and --shell-completion install=SHELL"
ONE_OF = ("run", "cfg", "multirun", "shell_completion", "info")
EXAMPLES = {"--cfg": "--cfg job", "--package": "--cfg job --package optimizer", "--info": "--info config"}
# What people expect as a flag, and is typed otherwise.
TYPED = {
    "dry_run": "-m sweep.dry_run=true",
    "resume": "ckpt_path=RUN/checkpoints/last.ckpt",
    "gpu": "trainer=gpu",
    "cpu": "trainer=cpu",
    "verbose": "hydra.verbose=true",
    "quiet": "progress=false",
}


def flags_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with all flags before the overrides: argparse refuses overrides on both sides of a flag.

    Raises:
        ValueError: An argument with a dash is no flag, lacks its value, or does not go with another one.
    """
    parser = get_args_parser()
    parser.allow_abbrev = False  # --experiment mnist is not --experimental-rerun mnist
    parser.exit_on_error = False
    try:
        given, unknown = parser.parse_known_intermixed_args(list(arguments))
    except argparse.ArgumentError as error:
        raise ValueError(_misused(error)) from error
    flag = next((word for word in unknown if word.startswith("-")), None)
    if flag is not None:
        known = [option for action in parser._actions for option in action.option_strings]
        raise ValueError(_unknown(flag, arguments[list(arguments).index(flag) + 1 :], known))
    if given.shell_completion:
        raise ValueError("--shell-completion must come first; got it later. Type --shell-completion install=bash")
    for name, what, exists in (
        ("config_dir", "a folder", os.path.isdir),
        ("config_path", "a folder", os.path.isdir),
        ("experimental_rerun", "a file", os.path.isfile),
    ):
        path = getattr(given, name)
        if path is not None and not exists(path):
            raise ValueError(f"--{name.replace('_', '-')} must be {what} that exists; there is no {path}.")
    chosen = [f"--{name.replace('_', '-')}" for name in ONE_OF if getattr(given, name) not in (None, False)]
    if len(chosen) > 1:
        raise ValueError(f"a command must have one of these flags alone; got {' and '.join(chosen)}. Leave out one.")
    if given.resolve and given.cfg is None and not given.help:
        raise ValueError("--resolve must go with --cfg; got it alone. Type --cfg job --resolve")
    flags = list(arguments)
    for override in given.overrides:
        flags.remove(override)
    return [*flags, *given.overrides]


def _misused(error: argparse.ArgumentError) -> str:
    flag = str(error.argument_name).partition("/")[0]
    if "explicit" in error.message:
        return f"{flag} must be typed without a value; got one. Type {flag}"
    chosen = error.message.partition("invalid choice: ")[2].partition(" ")[0]
    got = f"got {chosen}" if chosen else "nothing follows"
    return f"{flag} must be followed by its value; {got}. Type {EXAMPLES.get(flag, f'{flag} VALUE')}"


def _unknown(word: str, following: Sequence[str], known: Sequence[str]) -> str:
    """The message for a word with a dash that is no flag."""
    flag, equals, value = word.partition("=")
    name = flag.lstrip("-").replace("-", "_")
    if not equals and following and "=" not in following[0] and not following[0].startswith("-"):
        value = following[0]
    typed = TYPED.get(name) or (setting(name, value or None) if len(name) > 1 else None)
    start = f"{word} must be a flag, or a setting typed as KEY=VALUE without dashes; it is neither."
    near = did_you_mean(name, [option.strip("-").replace("-", "_") for option in known if option.startswith("--")])
    if near and name not in TYPED and (typed is None or (name not in typed and not typed.startswith("+"))):
        return f"{start}{near.replace('mean ', 'mean --').replace('_', '-')}"
    if name.lower() != name and f"-{name.lower()}" in known:
        return f"{start} Did you mean -{name.lower()}?"
    if typed is not None:
        return f"{start} Type {typed}"
    return f"{start} Flags are {LISTED}."
