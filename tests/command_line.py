"""The command line inside the test's own process, where torch is imported already."""

import sys

import pytest

from gradexp.app.command_line import cli


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    """Run `python -m gradexp ARGUMENTS` and give the exit status or message; None for success."""
    monkeypatch.setattr(sys, "argv", ["gradexp", *arguments])
    try:
        cli()
    except SystemExit as end:
        return end.code
    return None
