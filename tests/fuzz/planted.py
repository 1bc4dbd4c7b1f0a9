"""A kind whose cases have a known fault, the one named in the file `fault`, to test that the campaign finds it."""

import os
import sys
import time
import warnings
from pathlib import Path
from random import Random
from typing import Any

from gradexp.app import command_line
from tests.fuzz.case import Drawn


def _do(name: str) -> Any:
    """What happens in place of a run."""

    def execute(cfg: Any) -> Any:
        if name == "traceback":
            raise TypeError("a mistake of ours")
        if name == "crash":
            os.abort()
        if name == "hang":
            time.sleep(60)
        if name == "memory":
            hold = [bytearray(b"x") * 2**30 for _ in range(1)]
            raise ValueError(f"seed must be smaller; got {len(hold)}")
        if name == "flood":
            raise SystemExit("error: seed must be\n" * 50)  # explain would shorten it
        if name == "internal":
            raise ValueError("seed must be a number ('NoneType' object is not subscriptable): NoneType")
        if name == "nameless":
            raise ValueError("this cannot be done")
        if name == "outside":
            Path("../elsewhere").touch()
        if name == "halfwritten":
            Path("run/metrics.json").write_text('{"loss": NaN')
        if name == "temporary":
            Path("run/.metrics.json.abcd1234").touch()
        if name == "changed":
            Path("input").write_text("changed")
        if name == "warnings":
            for number in range(5):
                warnings.warn_explicit(f"warning {number}", UserWarning, "/site-packages/library.py", 1)
        if name == "lines":
            sys.stderr.write("line\n" * 50)
        raise ValueError("seed must be another one; got 0")

    return execute


def draw(random: Random, base: Path) -> Drawn:
    name = (base / "fault").read_text()
    setattr(command_line, "execute", _do(name))  # noqa: B010  # mypy refuses the assignment
    Path("input").write_text("as it was")
    return Drawn([["hydra.run.dir=run", "seed=0"]], ["an input"])
