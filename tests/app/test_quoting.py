"""What messages say to type is what bash hands over, and what Hydra reads as the text that was meant."""

import re
import subprocess
from typing import Any

import pytest
from hydra.errors import HydraException

from gradexp import compose
from gradexp.app.errors import explain
from gradexp.app.quoting import quoted, split
from tests.command_line import call

TEXTS = [
    "größe.csv", "a b=c.csv", "x=1", "a#b", "~x/y", "t[1].csv", "{x}", "(z)", "a,b(c", "it's é", 'say "é"', "back\\é",
    "end=\\", "$HOME/é", "`é`", "!é", "a&b", "a;é", "<é>", "日本", "'é", "é'", "a:é", "tab\té", "two  é ", "*é?", "^",
    "=", "${x", "é${", "\\\\${x", "é${x}${", "a\tü", "it's\té\\", "two\nlines é", "\x1b[0mé", "\u2028é", "\udcffé",
]  # fmt: skip


def advice(message: str) -> str:
    """What a message says to type, at its end."""
    return message.rpartition(": ")[2] if "\n" not in message else message


def in_bash(typed: str) -> str:
    """The argument that a program gets from bash."""
    done = subprocess.run(["bash", "-c", f"printf %s {typed}"], capture_output=True, check=True)
    return done.stdout.decode(errors="surrogateescape")


def test_the_quoted_form_is_read_as_the_text_that_was_typed() -> None:
    for text in TEXTS:
        line = in_bash(quoted(f"data_dir={text}"))
        assert compose(line).data_dir == text, text
        assert quoted(f"data_dir={text}").encode(errors="surrogateescape").decode().isprintable()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("data.path=[größe,b]", ["größe", "b"]),
        ("data.path=[1,é,[x=y,2]]", [1, "é", ["x=y", 2]]),
        ("data.path={a:é,b:1}", {"a": "é", "b": 1}),
    ],
)
def test_items_in_brackets_are_quoted_one_by_one(line: str, value: Any) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    assert OverridesParser.create().parse_override(in_bash(quoted(line))).value() == value


def test_values_of_an_axis_are_quoted_one_by_one() -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_override(in_bash(quoted("data.path=a=1,größe,plain", is_axis=True)))
    assert list(parsed.sweep_string_iterator()) == ["'a=1'", "'größe'", "plain"]
    assert split("a,[b,c],{d:(e,f)}") == ["a", "[b,c]", "{d:(e,f)}"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data.path=größe.csv", ["data.path must be a value that Hydra can read; got größe.csv ('ö' is not allowed"]),
        ("data.path=a=b", ["data.path must be", "got a=b"]),
        ("optimizer lr=0.1", ["'optimizer lr' must be a key"]),
        ("optimizer.lr =0.1", ["'optimizer.lr ' must be a key", 'Type "optimizer.lr=0.1".']),
        ("größe=1", ["'größe' must be a key"]),
        ("optimizer.lr", ["optimizer.lr must be KEY=VALUE"]),
        ("optimizer.lr:0.1", ["optimizer.lr:0.1 must be KEY=VALUE"]),
        ("optimizer.lr=choice()", ["optimizer.lr must be", "empty choice is not legal"]),
        ("seed=sort(1,a,2)", ["seed must be a value", "A sweep's values are typed as 1,2,3, choice(1,2,3), range("]),
        (
            "seed=range(0,3,1,)",
            ["got range(0,3,1,) ('range(0,3,1,)' cannot be read here)", "A sweep's values are typed as 1,2,3"],
        ),
        ("~hydra.callbacks", ["hydra.callbacks cannot be deleted: Hydra needs it."]),
        ("model.hidden=[range(1,3)]", ["model.hidden must have one list or one range of values, and none in brackets"]),
        ("data_dir=a\nb(", ["got a\\nb( ('\\n', a line feed, is not allowed", ": $'data_dir=\\'a\\nb(\\''"]),
        ("optimizer.lr=nothing(3)", ["optimizer.lr must be", "got nothing(3)", "there is no function nothing"]),
    ],
)
def test_the_message_names_the_argument_and_the_reason(line: str, words: list[str]) -> None:
    with pytest.raises(HydraException) as caught:
        compose(line)
    message = str(explain(caught.value))
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "typed", ["hydra.run.dir=my run", "data.path=a nice table é.csv", "name=x y z", "data_dir=my pictures here=now"]
)
def test_a_space_outside_of_quotes_is_explained(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(call(monkeypatch, "seed=1", *typed.split(" "), "optimizer.lr=0.1", "--run"))
    meant = re.search(r"type the space in quotes: (.*)$", message)
    assert meant is not None, message
    assert compose_value(in_bash(meant[1])) == typed.partition("=")[2]


def compose_value(line: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(line).value()
