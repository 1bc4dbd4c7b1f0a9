"""Errors become one message: short, printable, and with the name of a key."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError
from torch import nn

from gradexp.app.errors import LONGEST, explain, printable


def test_what_a_terminal_would_obey_or_cannot_show_is_escaped() -> None:
    message = explain(ValueError("data.path must exist; got \x1b[31m\udcff\x01\u202ex ä日🙂\nsecond line"))
    assert message == "error: data.path must exist; got \\x1b[31m\\udcff\\x01\\u202ex ä日🙂\nsecond line"
    assert printable("a plain “line”\n") == "a plain “line”\n"


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    message = explain(ValueError(f"name must be short; got {'x' * 10_000}. Did you mean xor?"))
    assert message is not None
    assert message.startswith("error: name must be short; got xxx")
    assert message.endswith("xxx. Did you mean xor?")
    assert LONGEST <= len(message) < LONGEST + 20


def test_a_message_of_many_lines_keeps_the_first_and_the_last() -> None:
    assert explain(ValueError("\n".join(["first", *["a"] * 100, "last"]))) == "error: first\na\n[...]\nlast"


@pytest.mark.parametrize("value", ["${nope}", "${x}", "${oc.env:NOT_SET}", "${nope:1}", "${oc.decode:'[1'}"])
def test_an_interpolation_that_fails_names_its_key(value: str) -> None:
    cfg = OmegaConf.create({"optimizer": {"lr": value}, "x": "${x}"})
    with pytest.raises(InterpolationResolutionError) as caught:
        OmegaConf.to_container(cfg, resolve=True)
    message = explain(caught.value)
    assert message is not None
    assert message.startswith(("error: optimizer.lr must have interpolations", "error: x must have interpolations"))
    assert "\n" not in message


def too_large(name: str) -> None:
    match name:
        case "tensor":
            torch.empty(2**60)
        case "layer":
            nn.Linear(10**9, 10**12)
        case "beyond 64 bits":
            torch.empty(10**30)
        case "array":
            np.empty(2**55)
        case "bytes":
            bytearray(2**60)


@pytest.mark.parametrize("name", ["tensor", "layer", "beyond 64 bits", "array", "bytes"])
def test_memory_that_cannot_be_had_names_the_keys_that_need_it(name: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each library has its own
        too_large(name)
    message = explain(caught.value)
    assert message is not None
    assert message.startswith("error: model.hidden, data.batch_size, ")
    assert "\n" not in message


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    assert explain(TypeError("unsupported operand")) is None
    assert explain(RuntimeError("a bug")) is None
