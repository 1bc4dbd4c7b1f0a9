"""A worker ends when the process that it works for is gone, whatever it does."""

import os
import signal
import subprocess
import sys

# The parent starts a worker that works without pause, and waits to be killed.
PARENT = """
import os, time
from gradexp.workers import leave_interrupts_to
parent = os.getpid()
if os.fork() == 0:
    leave_interrupts_to(parent)
    print(os.getpid(), flush=True)
    while True:
        pass
time.sleep(60)
"""


def test_a_busy_worker_ignores_ctrl_c_and_ends_when_its_parent_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, signal.SIGINT)
        os.kill(worker, 0)  # it is there
        parent.kill()
        parent.communicate(timeout=5)  # until no process has the pipe open
