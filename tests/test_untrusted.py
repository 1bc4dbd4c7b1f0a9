"""Files of strangers are read as plain data within limits, and no link is followed out of a folder."""

import math
import os
from pathlib import Path
from typing import Any

import pytest

from gradexp.untrusted import check_kinds, check_plain, check_stays_inside, read_json, read_yaml, texts

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_json_numbers_that_are_not_finite_are_none_and_control_characters_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"a": NaN, "b": [-Infinity, 1e999, 2.5], "c\\u001b[2J": "\\u001b]0;x\\u0007ü\\n"}')
    assert read_json(path, "x") == {"a": None, "b": [None, None, 2.5], "c�[2J": "�]0;x�ü\n"}


@pytest.mark.parametrize("content", ["", "{", '{"a": 1', "[" * 100_000, '{"a": ' * 50_000, "\xff\xfe", "1" * 5000])
def test_a_damaged_json_file_gets_one_message_with_its_path(content: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"manifest\.json must be a manifest; it cannot be read \("):
        read_json(path, "a manifest")


def test_yaml_dates_and_interpolations_are_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: 2024-01-02\nb: ${oc.env:HOME}\nc: [1, 0.5, true, null, 1e-3]\nd: {0: 1}\n")
    assert read_yaml(path, "x") == {
        "a": "2024-01-02",
        "b": "${oc.env:HOME}",
        "c": [1, 0.5, True, None, "1e-3"],
        "d": {0: 1},
    }


@pytest.mark.parametrize(
    "content",
    [
        "a: [1,\n", "a: {b\n", "a: 'x", "\t- a", "a: !!python/object/apply:os.system [x]", "a: !!set {x, y}",
        "? [1, 2]\n: 3", "a: !!binary aGVsbG8=", "[" * 5000, BOMB, "a: &a [*a]", "\x00",
    ],
    ids=["cut", "cut section", "quote", "tab", "python", "set", "key", "binary", "deep", "bomb", "circle", "NUL"],
)  # fmt: skip
def test_a_damaged_yaml_file_gets_one_message_with_its_path(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"^\S+config\.yaml must be a record; it cannot be read \(.*\)\.$") as caught:
        read_yaml(path, "a record")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": {"b": "${oc.env:HOME}"}}, "a.b has an interpolation"),
        ({"a": ["x", "y${now:%Y}"]}, "a.1 has an interpolation"),
        ({"a": "???"}, "a has an interpolation"),
        ({"a": {1, 2}}, "a is a set"),
        ({"a": {("b", "c"): 1}}, "a has a key that is a tuple"),
        ({"a": b"x"}, "a is a bytes"),
    ],
)  # fmt: skip
def test_a_configuration_is_plain_and_resolved(content: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_plain(content, resolved=True)
    check_plain({"a": [1, 2.5, None, True, "x$y{z}"], 3: {"b": {}}}, resolved=True)


def tree(folder: Path) -> Path:
    """A run's folder beside a file and a folder that are none of its business."""
    for name in ("run/tensorboard", "run/figures", "run/.venv", "outside/deep"):
        (folder / name).mkdir(parents=True)
    (folder / "outside/file").touch()
    (folder / "run/metrics.json").touch()
    return folder / "run"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("gradexp.log", "../outside/file"),
        ("gradexp.log", "../outside/not there yet"),
        ("0", "../outside"),
        ("tensorboard/events.report", "../../outside/file"),
        ("figures/deep", "../../outside/deep"),
        ("checkpoints", "/"),
        ("a", "b/../../outside"),
    ],
)
def test_a_link_out_of_a_folder_is_refused(link: str, target: str, tmp_path: Path) -> None:
    run = tree(tmp_path)
    (run / link).symlink_to(target)
    with pytest.raises(ValueError, match="must be a folder whose links stay in it") as caught:
        check_stays_inside(run)
    assert f"{run / link} is a link to {target}" in str(caught.value)


def test_links_that_stay_inside_and_a_linked_folder_are_accepted(tmp_path: Path) -> None:
    run = tree(tmp_path)
    (run / "latest").symlink_to("figures")
    (run / "circle").symlink_to("circle")
    (run / ".venv/python").symlink_to("/usr/bin/env")  # of another program
    (tmp_path / "linked").symlink_to("run")
    for folder in (run, tmp_path / "linked", tmp_path / "nowhere"):
        check_stays_inside(folder)


def test_a_pipe_in_a_folder_is_refused(tmp_path: Path) -> None:
    """A write to it would wait for ever."""
    os.mkfifo(tree(tmp_path) / "gradexp.log")
    with pytest.raises(ValueError, match=r"gradexp\.log is neither, but a pipe or a device\. Name another"):
        check_stays_inside(tmp_path / "run")


@pytest.mark.parametrize("value", ["1", None, True, math.nan, math.inf, 10**30, [1]])
def test_numbers_of_a_saved_state_are_finite(value: Any) -> None:
    check_kinds({"mean": 0.5, "width": 3}, mean=(int, float), width=int)
    with pytest.raises(TypeError, match="mean is "):
        check_kinds({"mean": value}, mean=(int, float))


def test_texts_of_a_saved_state_are_a_list() -> None:
    assert texts({"classes": ["a", "b"]}, "classes") == ("a", "b")
    for wrong in ("ab", ["a", 1], None, {"a": 1}):
        with pytest.raises(TypeError, match="classes is "):
            texts({"classes": wrong}, "classes")
