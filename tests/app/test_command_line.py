"""Arguments that Hydra's parser cannot read are refused by name before it tries."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gradexp import compose, run, sweep
from gradexp.app import command_line
from gradexp.app.unreadable import MAX_DEPTH, MAX_DIGITS, check_readable
from tests.command_line import call


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (
            f"model.hidden={'[' * 200}{']' * 200}",
            f"model.hidden must have at most {MAX_DEPTH} levels of brackets; got 200",
        ),
        (f"+data={'{a:' * 60}1{'}' * 60}", f"data must have at most {MAX_DEPTH} levels of brackets; got 60"),
        (f"seed={'9' * 5000}", "seed must be a number of at most 1,000 digits; got one of 5,000"),
    ],
)
def test_deep_brackets_and_endless_numbers_are_refused(
    argument: str, words: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words in str(call(monkeypatch, argument))
    assert list(own_folder.iterdir()) == []


def test_what_people_type_is_readable() -> None:
    nested = f"{'[' * MAX_DEPTH}{']' * MAX_DEPTH}"
    check_readable([f"model.hidden={nested}", "data.path='(a) [1].csv'", f"x={'1' * MAX_DIGITS}", "y=[1],[2],[3]" * 60])


@pytest.mark.parametrize("function", [run, sweep, compose], ids=["run", "sweep", "compose"])
def test_an_override_that_is_no_text_is_refused_in_python(function: Callable[..., object]) -> None:
    words = "an override must be a text, KEY=VALUE; got ['seed=1', 'name=x']. Pass 'seed=1', 'name=x'"
    with pytest.raises(TypeError, match=re.escape(words)):
        function(["seed=1", "name=x"])
    with pytest.raises(TypeError, match=r"got 3\. Pass '3'"):
        function("seed=1", 3)


def test_a_further_process_of_ddp_leaves_the_message_to_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*arguments: object) -> None:
        raise RuntimeError("[pair.cc:561] Connection closed by peer [127.0.0.1]:24785. Check the logs.")

    monkeypatch.setattr(command_line, "execute", lose)
    with pytest.raises(RuntimeError, match="closed by peer"):  # the first process has lost another one: unexpected
        call(monkeypatch, "hydra.run.dir=run")
    monkeypatch.setattr(command_line, "is_first_process", lambda: False)
    assert call(monkeypatch, "hydra.run.dir=run") == 1
