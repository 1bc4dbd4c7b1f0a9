"""Something moves on a terminal from the first second on, and leaves no trace; elsewhere nothing is drawn."""

import os
import pty
import subprocess
import sys

import pytest

ERASED = "\r\x1b[2K"
START = """
import sys, time
from gradexp.app import spinner
spinner.enable()
spinner.show("starting")
time.sleep(0.55)
"""
PRINT = """
spinner.show("importing torch")
time.sleep(0.2)
print("printed", file={})
time.sleep(0.2)
print("last")
"""


def on_a_terminal(script: str, **environment: str) -> str:
    """What a person's terminal gets."""
    first, second = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **environment}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=second, stderr=second, env=environment)
    os.close(second)
    seen = b""
    try:
        while part := os.read(first, 4096):
            seen += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(first)
    assert process.wait() == 0
    return seen.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("stream", ["sys.stdout", "sys.stderr"])
def test_it_moves_until_something_is_printed(stream: str) -> None:
    seen = on_a_terminal(START + PRINT.format(stream))
    frames = seen.split(ERASED)
    assert frames[1].startswith("| starting, 0 s")
    assert frames[2].startswith("/ ")
    assert "importing torch, " in seen
    assert frames[-1] == "printed\nlast\n", "the line is erased before, and does not come again"


def test_it_is_erased_in_the_end() -> None:
    assert on_a_terminal(f"{START}spinner.hide()\nprint('x')").endswith(f"{ERASED}x\n")
    assert on_a_terminal(START).endswith(ERASED)


def test_a_forked_process_prints_without_it() -> None:
    fork = (
        "import os\nif os.fork() == 0:\n    print('child'); sys.stdout.flush(); os._exit(0)\nos.wait()\ntime.sleep(0.2)"
    )
    seen = on_a_terminal(f"{START}{fork}\nprint('parent')")
    child = seen.partition("child\n")
    assert child[2].endswith(f"{ERASED}parent\n"), "the first process still draws after its child has printed"


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"LOCAL_RANK": "1"}, {"GRADEXP_SWEEP_JOB": "0"}], ids=str)
def test_a_dumb_terminal_sees_nothing_of_it_nor_of_a_further_process(variable: dict[str, str]) -> None:
    assert on_a_terminal(START + PRINT.format("sys.stderr"), **variable) == "printed\nlast\n"


def test_a_pipe_gets_nothing_of_it() -> None:
    command = [sys.executable, "-c", START + PRINT.format("sys.stderr")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("last\n", "printed\n")
