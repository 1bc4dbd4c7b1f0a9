"""LeastSquaresReport on the experiment linear_regression, against NumPy on the same data."""

import re

import numpy as np
import pytest

from gradexp import Result, run
from tests.callbacks.drawing import Calls, assert_drawn_and_shown, record
from tests.power_cut import PowerCut, cut_power_at
from tests.reports.linear_experiment import FEW_STEPS, LR, path_of, samples
from tests.run_folder import checkpoint

STEPS = 3000


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Calls]:
    """A run of the experiment without changes, and its figures."""
    with pytest.MonkeyPatch.context() as patch:
        calls = record(patch, quick=False)
        folder = tmp_path_factory.mktemp("runs") / "line"
        return run("+experiment=linear_regression", f"hydra.run.dir={folder}"), calls


def test_the_data_have_the_documented_range_and_noise(line: tuple[Result, Calls]) -> None:
    design, targets = samples()
    assert line[0].metrics["samples/train"] == len(targets) == 256
    assert 0 <= design[:, 0].min() < design[:, 0].max() <= 1
    noise = targets - 5 * design[:, 0] - 7
    assert noise.std() == pytest.approx(0.25, rel=4 / np.sqrt(2 * 256)), "within 4 standard errors"
    assert abs(noise.mean()) < 4 * 0.25 / 16


def test_bias_is_sampling_error_plus_optimization_error(line: tuple[Result, Calls]) -> None:
    metrics = line[0].metrics
    design, targets = samples()
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]
    learned = checkpoint(line[0].folder)["state_dict"]
    for name, truth, best, end in (
        ("w", 5, solution[0], learned["network.weight"].item()),
        ("b", 7, solution[1], learned["network.bias"].item()),
    ):
        assert metrics[f"learned/{name}"] == end
        assert metrics[f"bias/{name}"] == pytest.approx(truth - end)
        assert metrics[f"sampling_error/{name}"] == pytest.approx(truth - best, rel=1e-9)
        assert metrics[f"optimization_error/{name}"] == pytest.approx(best - end, rel=1e-9)
        parts = metrics[f"sampling_error/{name}"] + metrics[f"optimization_error/{name}"]
        assert metrics[f"bias/{name}"] == pytest.approx(parts, rel=1e-12)


def test_the_minimum_of_the_loss_equals_the_closed_form(line: tuple[Result, Calls]) -> None:
    metrics = line[0].metrics
    design, targets = samples()
    _, (squares,), _, _ = np.linalg.lstsq(design, targets, rcond=None)
    assert metrics["least_squares/objective"] == pytest.approx(squares / 256, rel=1e-9)
    ending = np.mean((design @ [metrics["learned/w"], metrics["learned/b"]] - targets) ** 2)
    assert metrics["least_squares/excess"] == pytest.approx(ending - squares / 256, rel=1e-6)


def test_the_remaining_error_in_the_slowest_direction_equals_the_formula(line: tuple[Result, Calls]) -> None:
    metrics = line[0].metrics
    design, targets = samples()
    curvatures, directions = np.linalg.eigh(2 / 256 * design.T @ design)
    assert metrics["slowest_direction/remains"] == pytest.approx((1 - LR * curvatures[0]) ** STEPS, rel=1e-6)
    errors = path_of(line[0].folder) - np.linalg.lstsq(design, targets, rcond=None)[0]
    first, last = errors[[0, -1]] @ directions[:, 0]
    assert last / first == pytest.approx(metrics["slowest_direction/remains"], rel=0.01)


def test_the_path_equals_a_plain_loop(line: tuple[Result, Calls]) -> None:
    path = path_of(line[0].folder)
    design, targets = samples()
    assert path.shape == (STEPS + 1, 2)
    values = path[0]
    for number in range(1, STEPS + 1):
        values = values - LR * 2 / 256 * design.T @ (design @ values - targets)
        if number % 100 == 0:
            np.testing.assert_allclose(path[number], values, atol=2e-4)
    learned = checkpoint(line[0].folder)["state_dict"]
    np.testing.assert_array_equal(path[-1], [learned["network.weight"].item(), learned["network.bias"].item()])


def test_the_notes_have_a_table_of_the_parameters(line: tuple[Result, Calls]) -> None:
    metrics, notes = line[0].metrics, line[0].notes
    header, weight, bias = notes[1:4]
    for word in ("learned", "truth", "bias", "sampling error", "optimization error"):
        assert word in header
    for name, row in (("w", weight), ("b", bias)):
        cells = row.replace("=", "").replace("+", "").split()
        assert cells[0] == name
        wanted = [metrics[f"learned/{name}"], 5 if name == "w" else 7]
        wanted += [metrics[f"{part}/{name}"] for part in ("bias", "sampling_error", "optimization_error")]
        np.testing.assert_allclose([float(cell) for cell in cells[1:]], wanted, atol=6e-5)
    assert len({len(row) for row in notes[1:4]}) == 1, "columns are aligned"
    (said,) = re.findall(r"= ([\d.]+)% of its initial error remains", notes[-1])
    assert float(said) == pytest.approx(100 * metrics["slowest_direction/remains"], abs=0.01)


def test_the_figures_show_the_line_the_loss_and_the_path(line: tuple[Result, Calls]) -> None:
    result, calls = line
    assert_drawn_and_shown(result.folder, "fit", "path", "loss_curve", "test_predicted_against_true")
    design, targets = samples()
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]
    metrics = result.metrics
    (fit,) = calls["fitted_lines"]
    np.testing.assert_allclose(np.sort(fit["inputs"]), np.sort(design[:, 0]))
    np.testing.assert_allclose(np.sort(fit["targets"]), np.sort(targets))
    assert fit["lines"] == {
        "learned": pytest.approx((metrics["learned/w"], metrics["learned/b"])),
        "least squares": pytest.approx(tuple(solution)),
        "truth": (5, 7),
    }
    (path,) = calls["paths_over_contours"]
    np.testing.assert_array_equal(path["paths"]["3,000 steps"], path_of(result.folder))
    np.testing.assert_allclose(path["marks"]["least squares"], solution[None])
    np.testing.assert_allclose(path["marks"]["truth"], [[5, 7]])
    x, y, heights = path["x"], path["y"], path["z"]
    for row, column in ((0, 0), (3, 140), (149, 149), (70, 20)):
        residuals = design @ [x[column], y[row]] - targets
        assert heights[row, column] == pytest.approx(np.mean(residuals**2))
    for points in (path["paths"]["3,000 steps"], solution[None], np.array([[5.0, 7.0]])):
        assert (points > [x[0], y[0]]).all(), "all points are inside the axes"
        assert (points < [x[-1], y[-1]]).all()


def test_the_path_continues_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("+experiment=linear_regression", "trainer.max_epochs=3", "data.repeat=100", "test=false")
    record(monkeypatch)
    whole = run(*settings, "hydra.run.dir=whole")
    with monkeypatch.context() as patch:
        cut_power_at(150, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt")
    assert path_of(resumed.folder).shape == (301, 2)
    np.testing.assert_array_equal(path_of(resumed.folder), path_of(whole.folder))
    for name in ("bias/w", "sampling_error/b", "optimization_error/w", "slowest_direction/remains"):
        assert resumed.metrics[name] == whole.metrics[name]


def test_a_resumed_finished_run_draws_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    first = run(*FEW_STEPS)
    run(f"ckpt_path={first.folder}/checkpoints/last.ckpt")
    before, after = (call["paths"]["50 steps"] for call in calls["paths_over_contours"])
    np.testing.assert_array_equal(before, after)
