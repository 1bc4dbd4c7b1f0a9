"""The process of the command ends at once, with the right status and with all that is registered to run at exit."""

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys
import gradexp.__main__ as script
class Memory:
    def __del__(self):
        print("tidied up")
def main():
    script.memory = Memory()
    atexit.register(print, "at exit")
    sys.stdout.write("printed, ")
    {end}
script.main = main
script.command()
"""


@pytest.mark.parametrize(
    ("end", "status", "error"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('error: no')", 1, "error: no\n"),
        ("raise SystemExit(130)", 130, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_the_status_and_what_is_printed_stay_and_nothing_is_tidied_up(end: str, status: int, error: str) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM.format(end=end)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (status, "printed, at exit\n")
    assert ended.stderr.endswith(error)
    assert bool(ended.stderr) == bool(error)
