"""Who competes in a benchmark, and on what."""

from typing import Any

import pytest

from gradexp.sweeps.plan.entrants import entrant, problem


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"optimizer": "sgd", "optimizer.lr": 0.1}, "sgd"),
        ({"optimizer._target_": "a.Lion"}, "a.Lion"),
        ({"optimizer": {"_target_": "a.Lion"}}, "a.Lion"),
        ({"optimizer": {"_target_": "a.Lion", "lr": 0.1}}, "a.Lion {lr:0.1}"),
        ({"optimizer.lr": 0.1}, ""),
        ({"optimizer": 3}, "3"),
    ],
)
def test_the_name_of_an_entrant(settings: dict[str, Any], name: str) -> None:
    assert entrant(settings, "optimizer") == name


def test_an_axis_that_is_no_group_names_entrants_too() -> None:
    assert entrant({"model.activation": "relu"}, "model.activation") == "relu"


def test_jobs_of_other_optimizers_and_seeds_are_of_one_problem() -> None:
    one = {"experiment": "digits", "optimizer": "sgd", "seed": 0}
    assert problem(one) == problem(one | {"optimizer": "adam", "seed": 1})
    assert problem(one) != problem(one | {"experiment": "mnist"})
    assert problem({"model.surface": "beale"}) != problem({"model.surface": "rosenbrock"})
