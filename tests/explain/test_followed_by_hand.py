"""Every number of the pages on perceptrons, from the numbers printed above it alone, to the digits printed."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from gradexp.explain import topic_named
from gradexp.explain.lesson import Lesson, formatted

Layers = list[tuple[list[list[float]], list[float]]]  # weights by unit, and biases
STEP = 1e-5  # of central differences, whose error, 1e-10, is below the digits printed


def printed(topic: str) -> list[dict[str, Any]]:
    """The numbers that a topic prints, by name, a dictionary for each part."""
    lesson = Lesson()
    topic_named(topic)(lesson)
    parts: list[dict[str, Any]] = [{}]
    for line in lesson.lines:
        if line.endswith(("output:", "outputs:")):
            parts.append({})
        elif line.startswith("  "):
            formula, value, *reference = re.split(r"\s{2,}", line.strip())
            parts[-1][formula.partition(" ")[0]] = json.loads(value)
            assert reference in ([], [f"autograd {value}"])
    return [part for part in parts if part]


def forwards(layers: Layers, x: list[float]) -> list[list[float]]:
    values = [x]
    for weight, bias in layers:
        sums = [
            sum(w * a for w, a in zip(row, values[-1], strict=True)) + b for row, b in zip(weight, bias, strict=True)
        ]
        values.append([1 / (1 + math.exp(-z)) for z in sums])
    return values


def error(layers: Layers, x: list[float], t: list[float]) -> float:
    return sum((o - target) ** 2 for o, target in zip(forwards(layers, x)[-1], t, strict=True)) / 2


def slopes(function: Callable[[], float], numbers: list[float]) -> list[float]:
    """The derivatives of `function` with respect to numbers that it reads, by central differences."""
    found = []
    for place, value in enumerate(numbers):
        numbers[place] = value + STEP
        above = function()
        numbers[place] = value - STEP
        found.append((above - function()) / (2 * STEP))
        numbers[place] = value
    return found


def as_printed(value: Any) -> Any:
    return json.loads(formatted(value))


def test_the_perceptrons_numbers_follow_from_its_weights() -> None:
    parts = printed("perceptron")
    assert [len(part["t"]) for part in parts] == [1, 2]
    for part in parts:
        rows = [part.pop(f"w_j{k}") for k in range(len(part["t"]))]
        x, b, t = part.pop("x"), part.pop("b"), part.pop("t")
        layers = [(rows, b)]
        expected = {"O": forwards(layers, x)[-1], "E": error(layers, x, t)}
        expected["dE/db"] = slopes(lambda: error(layers, x, t), b)  # noqa: B023  # called at once
        for k, row in enumerate(rows):
            expected[f"dE/dw_j{k}"] = slopes(lambda: error(layers, x, t), row)  # noqa: B023
        assert part == {name: as_printed(value) for name, value in expected.items()}


def test_the_numbers_of_backpropagation_follow_from_the_weights() -> None:
    (part,) = printed("backprop")
    layers: Layers = [(part.pop(f"W_{number}"), part.pop(f"b_{number}")) for number in (1, 2, 3)]
    x, t = part["a_0"], part.pop("t")
    expected: dict[str, Any] = {f"a_{number}": value for number, value in enumerate(forwards(layers, x))}
    expected["E"] = error(layers, x, t)
    for number, (weight, bias) in enumerate(layers, start=1):
        expected[f"dE/db_{number}"] = slopes(lambda: error(layers, x, t), bias)
        expected[f"dE/dW_{number}"] = [slopes(lambda: error(layers, x, t), row) for row in weight]
    assert part == {name: as_printed(value) for name, value in expected.items()}
