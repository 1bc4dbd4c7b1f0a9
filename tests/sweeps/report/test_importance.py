"""What matters: shares that add up to the whole, in grids that are balanced or not."""

import itertools
from typing import Any

import numpy as np
import pytest

from gradexp.sweeps.report.importance import INTERACTIONS, NOISE, REST, variance_explained, what_matters
from tests.sweeps.folders import grid


def test_interactions_have_a_share_of_their_own_in_a_grid_of_one_job_a_cell() -> None:
    table = np.array([[9.0, 1.0, 2.0], [2.0, 8.0, 1.0], [1.0, 3.0, 10.0]])
    shares = what_matters(grid(a=[0, 1, 2], b=[0, 1, 2]), table.ravel().tolist())
    total = ((table - table.mean()) ** 2).sum()
    effects = [3 * ((table.mean(axis=axis) - table.mean()) ** 2).sum() / total for axis in (1, 0)]
    assert shares == pytest.approx({"a": effects[0], "b": effects[1], INTERACTIONS: 1 - sum(effects)})
    assert shares[INTERACTIONS] > 0.9
    # Axes that do not interact leave nothing.
    assert what_matters(grid(a=[0, 1, 2], b=[0, 10]), [0, 10, 1, 11, 2, 12.0]).keys() == {"a", "b"}


def test_seeds_tell_interactions_from_noise() -> None:
    jobs = grid(a=[0, 1, 2], b=[0, 1], seed=[0, 1, 2, 3])
    cube = np.random.default_rng(1).normal(size=(3, 2, 4)) + np.arange(4) + 3 * np.eye(3, 2)[:, :, None]
    shares = what_matters(jobs, cube.ravel().tolist())
    total = ((cube - cube.mean()) ** 2).sum()
    cells = cube.mean(axis=2, keepdims=True)
    a, b, seed = (cube.mean(axis=axes, keepdims=True) - cube.mean() for axes in ((1, 2), (0, 2), (0, 1)))
    interaction = cells - cube.mean() - a - b
    expected = {
        "a": 8 * (a**2).sum(),
        "b": 12 * (b**2).sum(),
        "seed": 6 * (seed**2).sum(),
        INTERACTIONS: 4 * (interaction**2).sum(),
        NOISE: ((cube - cells - seed) ** 2).sum(),
    }
    assert shares == pytest.approx({name: value / total for name, value in expected.items()})
    assert sum(shares.values()) == pytest.approx(1)


def by_orders(jobs: list[dict[str, Any]], scores: list[float]) -> dict[str, float]:
    """The mean gain in explained variance over all orders of the axes, by least squares."""
    axes, y = list(jobs[0]), np.array(scores)

    def left(chosen: tuple[str, ...]) -> float:
        columns = [[job[axis] == value for job in jobs] for axis in chosen for value in {j[axis] for j in jobs}]
        x = np.array([[1.0] * len(jobs), *columns]).T
        return float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum())

    orders = list(itertools.permutations(axes))
    return {
        axis: sum(left(order[: order.index(axis)]) - left(order[: order.index(axis) + 1]) for order in orders)
        / len(orders)
        / left(())
        for axis in axes
    }


def test_without_the_diverged_jobs_the_shares_still_add_up_to_the_whole() -> None:
    jobs = grid(optimizer=["sgd", "adam", "lion"], optimizer__lr=[0.01, 0.1, 1.0], seed=[0, 1])
    # Each optimizer has its own good rate; where it is far off, its jobs diverged.
    peak = {"sgd": 0, "adam": -2, "lion": -2}
    kept = [job for job in jobs if abs(np.log10(job["optimizer.lr"]) - peak[job["optimizer"]]) < 2]
    scores = [3.0 * (job["optimizer"] == "sgd") - job["optimizer.lr"] + 0.1 * job["seed"] for job in kept]
    shares = what_matters(kept, scores)
    assert sum(shares.values()) == pytest.approx(1)
    assert {axis: shares[axis] for axis in jobs[0]} == pytest.approx(by_orders(kept, scores))

    def one_by_one(axis: str) -> float:
        mean = np.mean(scores)
        groups = [[s for job, s in zip(kept, scores, strict=True) if job[axis] == v] for v in {j[axis] for j in kept}]
        return float(sum(len(g) * (np.mean(g) - mean) ** 2 for g in groups) / np.sum((scores - mean) ** 2))

    assert sum(map(one_by_one, jobs[0])) > 1.1, "the case: main effects one by one add up to more"


def test_zipped_axes_divide_what_they_explain_and_many_axes_add_up_too() -> None:
    jobs = [{"a": n, "b": 10 * n, "seed": seed} for n in range(3) for seed in range(2)]
    assert variance_explained(jobs, [0.0, 0.0, 1.0, 1.0, 5.0, 5.0]) == pytest.approx({"a": 0.5, "b": 0.5, "seed": 0.0})
    random = np.random.default_rng(0)
    many = [{f"axis{n}": int(random.integers(3)) for n in range(9)} for _ in range(60)]
    shares = what_matters(many, random.normal(size=60).tolist())
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())


def test_with_an_axis_of_new_values_the_rest_is_not_called_an_interaction() -> None:
    random = np.random.default_rng(0)
    jobs = [{"a": n % 2, "lr": float(random.random()), "seed": n} for n in range(12)]
    shares = what_matters(jobs, [job["a"] + job["lr"] for job in jobs])
    assert list(shares) == ["a", REST]
    assert sum(shares.values()) == pytest.approx(1)
    # A seed of its own for every job is no such axis.
    assert list(what_matters([{"a": job["a"], "seed": job["seed"]} for job in jobs], [j["lr"] for j in jobs])) == [
        "a",
        NOISE,
    ]
    assert what_matters(jobs, [1.0] * 12) == what_matters([], []) == {}
