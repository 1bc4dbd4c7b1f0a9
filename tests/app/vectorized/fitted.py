"""Which stacks are fitted."""

from typing import Any

import pytest

from gradexp.engine.stack.fit import StackFit


def stack_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of members of each stack that is fitted from now on."""
    found: list[int] = []
    run = StackFit.run

    def record(self: StackFit, *arguments: Any) -> None:
        found.append(len(self.active))
        run(self, *arguments)

    monkeypatch.setattr(StackFit, "run", record)
    return found
