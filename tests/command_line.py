"""Runs the command line in the test's process, which has already imported torch."""

import sys

import pytest

from gradexp.app.command_line import cli


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Run `python -m gradexp ARGUMENTS` and return the exit status or message; None for success."""
    monkeypatch.setattr(sys, "argv", ["gradexp", *arguments])
    try:
        cli()
    except SystemExit as end:
        return end.code
    return None
