"""DescentReport: the last point of a descent, and figures that show the descents of their labels."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from gradexp import Result, run
from gradexp.models.surfaces import SURFACES
from gradexp.reports.descent_report import stable_lr
from tests.callbacks.drawing import Calls, assert_drawn_and_shown, record
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import checkpoint

pytestmark = pytest.mark.slow

Array = npt.NDArray[np.float64]
FEW = ("trainer.max_epochs=1", "data.repeat=20")
MINIMA = np.array([[3, 2], [-2.805118, 3.131313], [-3.77931, -3.283186], [3.584428, -1.848127]])


def himmelblau(point: Array) -> Array:
    x, y = point[..., 0], point[..., 1]
    height: Array = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
    return height


def himmelblau_slope(point: Array) -> Array:
    (x, y), step = point, 1e-5
    along_x = himmelblau(np.array([x + step, y])) - himmelblau(np.array([x - step, y]))
    along_y = himmelblau(np.array([x, y + step])) - himmelblau(np.array([x, y - step]))
    return np.array([along_x, along_y]) / (2 * step)


@pytest.fixture(scope="module")
def adam(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Calls]:
    """Twenty steps of Adam on Himmelblau's function from (1, 2), and its figures."""
    with pytest.MonkeyPatch.context() as patch:
        calls = record(patch, quick=False)
        folder = tmp_path_factory.mktemp("runs") / "adam"
        settings = ("model.start=[1,2]", "optimizer.lr=0.1", "trainer.log_every_n_steps=10")
        return run("+experiment=himmelblau", *FEW, *settings, f"hydra.run.dir={folder}"), calls


def test_the_last_point_its_value_and_its_gradient_equal_a_plain_loop(adam: tuple[Result, Calls]) -> None:
    metrics = adam[0].metrics
    point = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.Adam([point], lr=0.1)
    path = [point.detach().clone()]
    for _ in range(20):
        optimizer.zero_grad()
        x, y = point
        ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2).backward()
        optimizer.step()
        path.append(point.detach().clone())
    drawn = adam[1]["paths_over_contours"][0]["paths"]["run"]
    np.testing.assert_allclose(drawn, torch.stack(path), atol=1e-5)
    end = np.array([metrics["point/x"], metrics["point/y"]])
    np.testing.assert_array_equal(end, drawn[-1])
    assert metrics["point/value"] == pytest.approx(himmelblau(end), rel=1e-4)
    assert metrics["point/gradient_norm"] == pytest.approx(np.linalg.norm(himmelblau_slope(end)), rel=1e-4)
    assert metrics["point/distance"] == pytest.approx(np.linalg.norm(MINIMA - end, axis=1).min(), rel=1e-4)


def test_the_notes_name_the_last_point_and_the_nearest_minimum(adam: tuple[Result, Calls]) -> None:
    metrics = adam[0].metrics
    end, nearest = adam[0].notes
    match = re.fullmatch(r"ends at \((.+), (.+)\), value (.+), norm of the gradient (.+)", end)
    assert match is not None
    names = ("x", "y", "value", "gradient_norm")
    expected = [metrics[f"point/{name}"] for name in names]
    np.testing.assert_allclose([float(number) for number in match.groups()], expected, rtol=0.01)
    distance = f"{metrics['point/distance']:.3g}"
    assert nearest == f"nearest minimum: (3.000000, 2.000000), a global one, of value 0, {distance} away"


def test_all_figures_are_drawn(adam: tuple[Result, Calls]) -> None:
    assert_drawn_and_shown(adam[0].folder, "surface", "path", "optimizers", "effects", "basins", "loss_curve")


def test_every_comparison_starts_at_the_start_of_the_run(adam: tuple[Result, Calls]) -> None:
    _, optimizers = adam[1]["paths_over_contours"]
    assert len(optimizers["paths"]) == 5
    (effects,) = adam[1]["panels_of_paths"]
    by_point, by_lr, by_momentum = effects["panels"].values()
    for paths in (optimizers["paths"], by_lr, by_momentum):
        for label, path in paths.items():
            assert len(path) == 21, label
            np.testing.assert_array_equal(path[0], [1, 2])
    starts = [re.fullmatch(r"\((.+), (.+)\)", label) for label in by_point]
    for match, path in zip(starts, by_point.values(), strict=True):
        assert match is not None
        np.testing.assert_allclose(path[0], [float(number) for number in match.groups()], rtol=0.01)
    np.testing.assert_array_equal(next(iter(by_point.values()))[0], [1, 2])


def test_the_paths_follow_the_learning_rate_and_momentum_of_their_labels(adam: tuple[Result, Calls]) -> None:
    (effects,) = adam[1]["panels_of_paths"]
    _, by_lr, by_momentum = effects["panels"].values()
    slope = himmelblau_slope(np.array([1.0, 2.0]))
    for label, path in by_lr.items():
        lr = float(label.removeprefix("lr "))
        np.testing.assert_allclose(path[1], [1, 2] - lr * slope, rtol=1e-3)
    (title,) = [title for title in effects["panels"] if "momentum" in title]
    lr = float(title.rpartition(" ")[2])
    for label, path in by_momentum.items():
        momentum = float(label.removeprefix("momentum "))
        second = himmelblau_slope(path[1].astype(float)) + momentum * slope
        np.testing.assert_allclose(path[2], path[1] - lr * second, rtol=1e-3)


def test_the_basin_map_has_the_minimum_near_the_end_of_each_descent(adam: tuple[Result, Calls]) -> None:
    (basins,) = adam[1]["basin_map"]
    np.testing.assert_allclose(basins["minima"], MINIMA, atol=1e-5)
    for row, column in ((0, 0), (71, 79), (50, 20), (99, 3)):
        point = torch.tensor([basins["x"][column], basins["y"][row]], requires_grad=True)
        optimizer = torch.optim.Adam([point], lr=0.1)
        for _ in range(20):
            optimizer.zero_grad()
            x, y = point
            ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2).backward()
            optimizer.step()
        end = point.detach().double().numpy()
        assert basins["cost"][row, column] == pytest.approx(himmelblau(end), rel=1e-3, abs=1e-5)
        distances = np.linalg.norm(MINIMA - end, axis=1)
        assert basins["reached"][row, column] == (distances.argmin() if distances.min() <= 0.05 else -1)
    share = np.mean(basins["reached"] >= 0)
    assert adam[0].metrics["basins/reached_a_minimum"] == share > 0


@pytest.mark.parametrize(
    ("name", "point", "hessian"),
    [
        ("himmelblau", (0.0, 0.0), [[-42, 0], [0, -26]]),  # [[12x²+4y-42, 4x+4y], [4x+4y, 12y²+4x-26]]
        ("himmelblau", (1.0, 2.0), [[-22, 12], [12, 26]]),
        ("rosenbrock", (-1.2, 1.0), [[1330, 480], [480, 200]]),  # [[1200x²-400y+2, -400x], [-400x, 200]]
        ("saddle", (1.0, 1e-3), [[2, 0], [0, -2]]),
    ],
)
def test_the_stable_learning_rate_is_half_the_inverse_of_the_greatest_curvature(
    name: str, point: tuple[float, float], hessian: list[list[float]]
) -> None:
    greatest = np.abs(np.linalg.eigvalsh(np.array(hessian, dtype=float))).max()
    assert stable_lr(SURFACES[name], torch.tensor(point)) == pytest.approx(float(f"{0.5 / greatest:.1g}"))


def test_a_saddle_has_no_minimum_and_no_basins(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run("+experiment=saddle")
    # Each step multiplies x by 1 - 2 lr and y by 1 + 2 lr.
    assert result.metrics["point/x"] == pytest.approx(0.9**80, rel=1e-4)
    assert result.metrics["point/y"] == pytest.approx(1e-3 * 1.1**80, rel=1e-4)
    assert result.metrics["point/value"] == pytest.approx(0.9**160 - 1e-6 * 1.1**160, rel=1e-4)
    assert "point/distance" not in result.metrics
    assert len(result.notes) == 1
    assert not calls["basin_map"]
    assert {path.stem for path in (result.folder / "figures").iterdir()} == {
        "surface", "path", "optimizers", "effects", "loss_curve"
    }  # fmt: skip


@pytest.mark.parametrize(("start", "kind"), [("[0.1,0.1]", "a global one, of value 0,"), ("[1,-2]", "a local one")])
def test_local_and_global_minima_are_distinguished(start: str, kind: str) -> None:
    result = run(
        "+experiment=rastrigin", *FEW, f"model.start={start}", "optimizer=sgd", "optimizer.lr=1e-3", "figures=false"
    )
    assert kind in result.notes[1]
    x, y = result.metrics["point/x"], result.metrics["point/y"]
    value = 20 + x * x + y * y - 10 * np.cos(2 * np.pi * x) - 10 * np.cos(2 * np.pi * y)
    assert result.metrics["point/value"] == pytest.approx(value, rel=1e-4, abs=1e-4)
    assert result.metrics["point/distance"] < 0.05


def test_lbfgs_has_all_figures_except_the_basin_map(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run("+experiment=himmelblau", *FEW, "optimizer=lbfgs", "model.start=[2.5,1.5]")
    assert result.metrics["point/value"] == pytest.approx(0, abs=1e-6)
    assert not calls["basin_map"]
    assert "basins/reached_a_minimum" not in result.metrics
    assert len(calls["surface_3d"]) == len(calls["panels_of_paths"]) == 1
    assert calls["paths_over_contours"][0]["paths"]["run"].shape == (21, 2)


def test_a_single_step_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    run("+experiment=styblinski_tang", "trainer.max_epochs=1", "data.repeat=1")
    path = calls["paths_over_contours"][0]["paths"]["run"]
    np.testing.assert_allclose(
        path, [[0.0, 0.0], [-0.01, -0.01]], atol=1e-6
    )  # Adam's first step is lr in each coordinate


def test_the_comparisons_of_a_resumed_run_start_at_its_first_point(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("+experiment=himmelblau", "trainer.max_epochs=2", "data.repeat=10", "data.steps_per_execution=1")
    calls = record(monkeypatch)
    whole = run(*settings, "hydra.run.dir=whole")
    with monkeypatch.context() as patch:
        cut_power_at(15, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt")
    assert resumed.metrics["point/x"] == whole.metrics["point/x"]
    first, second = calls["paths_over_contours"][0::2]
    np.testing.assert_array_equal(first["paths"]["run"], second["paths"]["run"])
    assert len(first["paths"]["run"]) == 21
    before, after = calls["panels_of_paths"]
    assert list(before["panels"]) == list(after["panels"])


def test_a_finished_run_without_figures_can_be_drawn_afterwards() -> None:
    first = run("+experiment=himmelblau", *FEW, "figures=false")
    assert not (first.folder / "figures").exists()
    again = run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "figures=true")
    assert again.metrics["status"] == "completed"


def test_the_metrics_do_not_need_figures() -> None:
    result = run("+experiment=himmelblau", *FEW, "figures=false")
    assert {"point/x", "point/y", "point/value", "point/gradient_norm", "point/distance"} <= result.metrics.keys()
    assert "DescentReport" not in checkpoint(result.folder)["callbacks"]


def test_long_paths_are_thinned_but_keep_their_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = record(monkeypatch)
    monkeypatch.setattr("gradexp.reports.trajectory.LIMIT", 8)
    run("+experiment=himmelblau", *FEW, "data.steps_per_execution=1", "trainer.max_steps=20", "hydra.run.dir=thin")
    monkeypatch.setattr("gradexp.reports.trajectory.LIMIT", 100)
    run("+experiment=himmelblau", *FEW, "data.steps_per_execution=1", "trainer.max_steps=20", "hydra.run.dir=all")
    thin, whole = (call["paths"]["run"] for call in calls["paths_over_contours"][0::2])
    assert len(thin) <= 9
    np.testing.assert_array_equal(thin, whole[::4])
