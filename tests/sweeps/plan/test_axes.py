"""Axes: the settings that they span, and values in Hydra's override grammar."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from gradexp.sweeps.plan.axes import Axis, axis, spanned, text

VALUES: list[Any] = [
    0, -3, 0.1, 1e-05, 1e20, True, False, None, "adam", "null", "True", "nan", "1e-3", "12", "", " ", "two words",
    "a,b", "a=b", "it's", 'say "so"', "back\\slash", "end\\", "\\'", "${monitor}", "[x]", "{y}", "(z)", "ümlaut", "a:b",
    "~x", "+x", "a/b.c-d", [1, 2], [], ["a b", None, [0.5]], {"a": 1, "b": [True]}, "tab\there", "#", "$x", "%", "@",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_hydras_parser_restores_a_value(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(f"key={text(value)}").value()
    assert plain(parsed) == value
    assert type(plain(parsed)) is type(value)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value.text if hasattr(value, "text") else value


def no_setting(key: str, job: Mapping[str, str]) -> str:
    raise AssertionError(key)


def test_axes_span_their_product_with_the_last_axis_innermost() -> None:
    axes = [Axis("a", ["1", "2"]), Axis("+b.c", ["x", "y", "z"])]
    expected = [{"a": a, "+b.c": b} for a, b in itertools.product("12", "xyz")]
    assert spanned(axes, [], no_setting) == expected
    assert spanned([], [], no_setting) == [{}]


def test_zipped_axes_vary_together_and_multiply_with_the_others() -> None:
    axes = [Axis("a", ["1", "2"]), Axis("b", ["x", "y"]), Axis("c", ["8", "9"])]
    assert spanned(axes, [["a", "c"]], no_setting) == [
        {"a": "1", "c": "8", "b": "x"},
        {"a": "1", "c": "8", "b": "y"},
        {"a": "2", "c": "9", "b": "x"},
        {"a": "2", "c": "9", "b": "y"},
    ]


@pytest.mark.parametrize(
    ("zipped", "words"),
    [
        (["a", "d"], "must name axes, keys with several values; got d. The axes are a, b"),
        (["a", "b"], "must join axes with equally many values; a has 2, b has 3"),
        (["a", "a"], "must name each axis once; got a"),
    ],
)
def test_an_invalid_zip_is_refused(zipped: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spanned([Axis("a", ["1", "2"]), Axis("b", ["1", "2", "3"])], [zipped], no_setting)


def test_an_axis_can_depend_on_another_axis_or_on_a_setting() -> None:
    rates = axis("lr", {"optimizer": {"sgd": [0.1, 1], "adam": [0.001]}})
    optimizers = Axis("optimizer", ["adam", "sgd", "lbfgs"])
    assert spanned([rates, optimizers], [], no_setting) == [
        {"optimizer": "adam", "lr": "0.001"},
        {"optimizer": "sgd", "lr": "0.1"},
        {"optimizer": "sgd", "lr": "1"},
        {"optimizer": "lbfgs"},
    ]
    assert spanned([rates], [], lambda key, job: {"optimizer": "sgd"}[key]) == [{"lr": "0.1"}, {"lr": "1"}]
    words = "sweep.zip must join axes that depend on the same key; lr on optimizer, optimizer on none"
    with pytest.raises(ValueError, match=words):
        spanned([rates, optimizers], [["lr", "optimizer"]], no_setting)


def test_values_around_a_default_are_those_of_each_job() -> None:
    rates = axis("lr", {"default_times": [0.1, 0.3, 1, 3]})
    optimizers = Axis("optimizer", ["adam", "sgd"])

    def default(key: str, job: Mapping[str, str]) -> float:
        assert key == "lr"
        return {"adam": 0.003, "sgd": 0.123456}[job["optimizer"]]

    found = [(job["optimizer"], job["lr"]) for job in spanned([rates, optimizers], [], no_setting, default)]
    assert found == [
        *(("adam", rate) for rate in ("0.0003", "0.0009", "0.003", "0.009")),
        *(("sgd", rate) for rate in ("0.01235", "0.03704", "0.123456", "0.3704")),  # the default itself is not rounded
    ]
    both = axis("lr", {"default_times": [1], "optimizer": {"sgd": [0.5, 0.7]}})
    found = [(job["optimizer"], job["lr"]) for job in spanned([both, optimizers], [], no_setting, default)]
    assert found == [("adam", "0.003"), ("sgd", "0.5"), ("sgd", "0.7")]
    with pytest.raises(ValueError, match="lr on its default, optimizer on none"):
        spanned([rates, optimizers], [["lr", "optimizer"]], no_setting, default)
    with pytest.raises(ValueError, match=r"sweep\.axes\.lr must have values: there is no default"):
        spanned([rates], [], no_setting)


@pytest.mark.parametrize(
    "value",
    [
        3, [], "0.1,0.2", {}, {"optimizer": [1]}, {"a": {"x": [1]}, "b": {}}, {"a": {"x": []}}, {"default_times": []},
        {"default_times": [0]}, {"default_times": 3}, {"default_times": [True]}, {"default_times": [1], "a": {}},
        {"default_times": [1], "a": {"x": [1]}, "b": {"x": [1]}},
    ],
)  # fmt: skip
def test_an_invalid_axis_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"sweep.axes.lr must be a list of values, or"):
        axis("lr", value)


def test_axes_that_depend_on_others_are_counted_before_they_are_multiplied() -> None:
    many = [str(number) for number in range(1_000)]
    axes = [Axis("a", ["1", "2"]), *(Axis(key, {"1": many, "2": many}, "a") for key in "bcdef")]
    with pytest.raises(ValueError, match="a, b, c, d, e, f must span at most 100,000 jobs"):
        spanned(axes, [], no_setting)
