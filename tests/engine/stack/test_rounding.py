"""The rounding of a product does not depend on a member's place in its stack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gradexp.app.vectorized.progress import StackProgress
from gradexp.app.vectorized.stacks import Stacks
from gradexp.engine.stack.rounding import VARIABLE, round_alike

# Nine equal members whose matrices begin at all alignments; in a process of its own, whose first product it is.
EQUAL_MEMBERS = """
import torch
from gradexp.engine.stack.rounding import round_alike
round_alike()
torch.manual_seed(0)
for batch, inputs, outputs in ((27, 13, 7), (29, 30, 10), (32, 3, 7), (50, 13, 10), (1, 200, 32)):
    values = torch.randn(batch, inputs).expand(9, -1, -1).contiguous()
    weight = torch.randn(outputs * inputs + 5).expand(9, -1).contiguous().requires_grad_()
    products = torch.bmm(values, weight[:, 5:].view(9, outputs, inputs).transpose(1, 2))
    (gradient,) = torch.autograd.grad(products.sin().sum(), weight)
    for rows in (products, gradient):
        assert all(torch.equal(row, rows[0]) for row in rows), (batch, inputs, outputs)
"""


def test_equal_members_have_equal_bits_wherever_their_matrices_begin() -> None:
    subprocess.run([sys.executable, "-c", EQUAL_MEMBERS], check=True, timeout=120)


def test_stacks_round_alike_unless_the_user_has_set_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "COMPATIBLE")
    round_alike()
    assert os.environ[VARIABLE] == "COMPATIBLE"
    monkeypatch.delenv(VARIABLE)
    assert [*Stacks({}, tmp_path, None, StackProgress(Console(quiet=True), 0)).train()] == []
    assert os.environ[VARIABLE] == "AUTO"
