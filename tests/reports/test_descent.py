"""Descent from many starts at once against plain loops of torch.optim with autograd from one start each."""

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gradexp.models.surfaces import SURFACES, Surface
from gradexp.objective.optimizers import ELEMENTWISE
from gradexp.reports.descent import descend, nearest_minimum

pytestmark = pytest.mark.slow

HIMMELBLAU = SURFACES["himmelblau"]
ADAM = {"_target_": "torch.optim.Adam", "lr": 1e-3, "fused": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {"_target_": "torch.optim.SGD", "lr": 1e-3},
    "momentum": {"_target_": "torch.optim.SGD", "lr": 1e-3, "momentum": 0.9},
    "nesterov": {"_target_": "torch.optim.SGD", "lr": 1e-3, "momentum": 0.9, "nesterov": True},
    "rmsprop": {"_target_": "torch.optim.RMSprop", "lr": 1e-2},
    "adam": {"_target_": "torch.optim.Adam", "lr": 1e-2},
    "adam_fused": {"_target_": "torch.optim.Adam", "lr": 1e-2, "fused": True},
    "adagrad": {"_target_": "torch.optim.Adagrad", "lr": 0.1},
    "adamw": {"_target_": "torch.optim.AdamW", "lr": 1e-2, "weight_decay": 0.1},
}


def starts_on(surface: Surface, count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random starts [count, 2] in the middle half of the domain."""
    low, high = torch.tensor(surface.domain, dtype=dtype).T
    draws = torch.rand(count, 2, dtype=dtype, generator=torch.Generator().manual_seed(1))
    starts: Tensor = low + (0.25 + 0.5 * draws) * (high - low)
    return starts


def plain_path(surface: Surface, start: Tensor, settings: dict[str, Any], steps: int) -> Tensor:
    """The path [steps + 1, 2] from one start [2] by autograd."""
    point = nn.Parameter(start.clone())
    arguments = {key: value for key, value in settings.items() if key != "_target_"}
    optimizer: Optimizer = getattr(torch.optim, settings["_target_"].rpartition(".")[2])([point], **arguments)

    def closure() -> float:
        optimizer.zero_grad()
        value = surface.value(point)
        value.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        return value.item()

    path = [point.detach().clone()]
    for _ in range(steps):
        optimizer.step(closure)
        path.append(point.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_each_start_moves_as_in_a_plain_loop(surface: Surface, settings: dict[str, Any]) -> None:
    if surface.name in ("rosenbrock", "beale", "rastrigin"):
        settings = {**settings, "lr": settings["lr"] / 10}  # these are steeper; an oscillating path tests little
    starts = starts_on(surface, 4)
    path = descend(surface, starts, settings, steps=60)
    assert path.shape == (61, 4, 2)
    assert path.isfinite().all()
    for number, start in enumerate(starts):
        expected = plain_path(surface, start, settings, steps=60)
        assert not torch.allclose(expected[0], expected[-1])
        torch.testing.assert_close(path[:, number], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_starts_do_not_affect_each_other(name: str) -> None:
    # Eight starts, and one that diverges with some optimizers.
    starts = torch.cat([starts_on(HIMMELBLAU, 8), torch.tensor([[1e3, -1e3]], dtype=torch.float64)])
    together = descend(HIMMELBLAU, starts, {"_target_": f"torch.optim.{name}", "lr": 1e-3}, steps=40)
    alone = [
        descend(HIMMELBLAU, start[None], {"_target_": f"torch.optim.{name}", "lr": 1e-3}, steps=40) for start in starts
    ]
    assert together[:, :8].isfinite().all()
    assert not torch.equal(together[-1, :8], starts[:8])
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=1e-12, atol=1e-12, equal_nan=True)


def test_a_start_that_diverges_is_not_finite_at_the_end() -> None:
    starts = torch.tensor([[4.0, 4.0], [3.0, 2.1]])
    end = descend(HIMMELBLAU, starts, {"_target_": "torch.optim.SGD", "lr": 0.01}, steps=300)[-1]
    assert end[1].tolist() == pytest.approx([3, 2], abs=1e-4)
    diverged = descend(HIMMELBLAU, 100 * starts, {"_target_": "torch.optim.SGD", "lr": 0.01}, steps=300)[-1]
    assert not diverged.isfinite().any()


@pytest.mark.parametrize(
    ("steps", "every", "recorded"),
    [
        (20, 1, list(range(21))),
        (20, 7, [0, 7, 14, 20]),
        (21, 7, [0, 7, 14, 21]),
        (5, 5, [0, 5]),
        (5, 9, [0, 5]),
        (1, 1, [0, 1]),
    ],
)
def test_the_start_every_nth_step_and_the_last_are_recorded(steps: int, every: int, recorded: list[int]) -> None:
    starts = starts_on(HIMMELBLAU, 3)
    whole = torch.stack([plain_path(HIMMELBLAU, start, SETTINGS["momentum"], steps) for start in starts], dim=1)
    path = descend(HIMMELBLAU, starts, SETTINGS["momentum"], steps, every)
    assert torch.equal(path[0], starts)
    torch.testing.assert_close(path, whole[recorded], rtol=1e-10, atol=1e-10)


HIMMELBLAU_MINIMA: list[tuple[tuple[float, float], tuple[float, float]]] = [
    ((0, 0), (3, 2)),
    ((-4, 4), (-2.805118, 3.131313)),
    ((-4, -4), (-3.779310, -3.283186)),
    ((4, -4), (3.584428, -1.848127)),
]


@functools.cache
def ends_of_adam() -> Tensor:
    """The ends [4, 2] of a long descent from the four starts at once: it takes as long as one from a single start."""
    starts = torch.tensor([start for start, _ in HIMMELBLAU_MINIMA], dtype=torch.float32)
    return descend(HIMMELBLAU, starts, ADAM, steps=20_000, every=20_000)[-1]


@pytest.mark.parametrize(("start", "minimum"), HIMMELBLAU_MINIMA)
def test_adam_finds_each_of_himmelblaus_minima_in_single_precision(
    start: tuple[float, float], minimum: tuple[float, float]
) -> None:
    end = ends_of_adam()[HIMMELBLAU_MINIMA.index((start, minimum))]
    assert end.tolist() == pytest.approx(minimum, abs=1e-4)
    assert HIMMELBLAU.value(end).item() < 1e-6


@pytest.mark.parametrize("name", ["himmelblau", "styblinski_tang"])
def test_descent_ends_only_in_known_minima(name: str) -> None:
    surface = SURFACES[name]
    axes = [torch.linspace(low, high, 20, dtype=torch.float64) for low, high in surface.domain]
    end = descend(
        surface, torch.cartesian_prod(*axes), {"_target_": "torch.optim.SGD", "lr": 1e-3}, steps=3000, every=3000
    )[-1]
    reached = nearest_minimum(surface, end, 1e-3)
    assert surface.gradient(end).abs().max() < 1e-3
    assert set(reached.tolist()) == {0, 1, 2, 3}


def test_lbfgs_descends_from_one_start_as_in_a_plain_loop() -> None:
    settings = {"_target_": "torch.optim.LBFGS", "lr": 1.0, "max_iter": 5, "line_search_fn": "strong_wolfe"}
    start = torch.tensor([0.0, 0.0], dtype=torch.float64)
    path = descend(HIMMELBLAU, start[None], settings, steps=8)
    torch.testing.assert_close(path[:, 0], plain_path(HIMMELBLAU, start, settings, steps=8), rtol=1e-8, atol=1e-8)
    assert path[-1, 0].tolist() == pytest.approx([3, 2], abs=1e-6)


@pytest.mark.parametrize("name", ["LBFGS", "Adafactor", "Muon", "SparseAdam"])
def test_optimizers_that_are_not_elementwise_raise(name: str) -> None:
    with pytest.raises(ValueError, match=rf"optimizer\._target_ must be .*SGD.*; got '{name}' with 2 starts\.$"):
        descend(HIMMELBLAU, torch.zeros(2, 2), {"_target_": f"torch.optim.{name}", "lr": 1e-3}, steps=1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, r"^steps must be a whole number of at least 1; got 0\.$"),
        ({"steps": 1.5}, r"^steps must be a whole number of at least 1; got 1\.5\.$"),
        ({"every": -1}, r"^every must be a whole number of at least 1; got -1\.$"),
        ({"starts": torch.zeros(2)}, r"^starts must be .*\[starts, 2\]; got \[2\] of torch\.float32\.$"),
        ({"starts": torch.zeros(4, 3)}, r"^starts must be .*\[starts, 2\]; got \[4, 3\] of torch\.float32\.$"),
        ({"starts": torch.zeros(4, 2, dtype=torch.int64)}, r"^starts must be .*; got \[4, 2\] of torch\.int64\.$"),
        ({"optimizer": {"_target_": "torch.optim.Adom"}}, r"optimizer\._target_ must be one of .*; got 'Adom'"),
        (
            {"optimizer": {"_target_": "torch.optim.Adam", "lr": -1}},
            r"optimizer\.lr must be a finite number above 0; got -1\.$",
        ),
        ({"optimizer": {}}, r"optimizer\._target_ must be the dotted path of an optimizer"),
    ],
)
def test_bad_arguments_raise_with_their_name(changed: dict[str, Any], message: str) -> None:
    arguments = {"starts": torch.zeros(4, 2), "optimizer": ADAM, "steps": 3, **changed}
    with pytest.raises(ValueError, match=message):
        descend(HIMMELBLAU, **arguments)


@pytest.mark.parametrize("steps", [1, 7, 1000, 2999])
def test_progress_is_called_regularly_and_at_the_end(steps: int) -> None:
    calls: list[int] = []
    descend(
        SURFACES["saddle"], torch.ones(1, 2), {"_target_": "torch.optim.SGD", "lr": 1e-3}, steps, steps, calls.append
    )
    assert calls == sorted(set(calls))
    assert calls[-1] == steps
    assert min(steps, 100) <= len(calls) <= 300


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_starts_are_unchanged_and_their_type_is_kept(dtype: torch.dtype) -> None:
    starts = starts_on(HIMMELBLAU, 5, dtype)
    kept = starts.clone()
    path = descend(HIMMELBLAU, starts, SETTINGS["sgd"], steps=3)
    assert (path.dtype, path.requires_grad) == (dtype, False)
    assert torch.equal(starts, kept)


def test_the_nearest_minimum_is_an_index_into_all_minima() -> None:
    surface = SURFACES["styblinski_tang"]
    minima = torch.tensor(surface.minima + surface.local_minima)
    far_points = torch.tensor([[0.0, 0.0], [float("nan"), 2.0], [float("inf"), -float("inf")], [2e38, 2e38]])
    points = torch.cat([minima.flip(0) + torch.tensor([0.06, -0.08]), far_points])
    assert nearest_minimum(surface, points, 0.11).tolist() == [3, 2, 1, 0, -1, -1, -1, -1]
    assert nearest_minimum(surface, points, 0.09).tolist() == [-1] * 8
    # With a tolerance that includes all minima it is still the nearest.
    assert nearest_minimum(surface, minima, 100.0).tolist() == [0, 1, 2, 3]


def test_a_surface_without_minima_reaches_none() -> None:
    assert nearest_minimum(SURFACES["saddle"], torch.zeros(3, 2), 1.0).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("tolerance", [0, -1.0, float("nan")])
def test_a_tolerance_that_is_not_above_zero_raises(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be a finite number above 0; got"):
        nearest_minimum(HIMMELBLAU, torch.zeros(1, 2), tolerance)
