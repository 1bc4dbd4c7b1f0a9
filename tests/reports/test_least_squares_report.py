"""LeastSquaresReport against NumPy on the same data: the solution, both errors, the way there."""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from torch import Tensor

from gradexp import Result, run
from gradexp.callbacks import LeastSquaresReport
from gradexp.data import LinearData, TensorDataModule
from gradexp.models import LinearRegression
from tests.callbacks.drawing import QUIET, Calls, assert_drawn_and_shown, record
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import checkpoint

Array = npt.NDArray[np.float64]

STEPS, LR = 3000, 0.01
FEW = ("+experiment=linear_regression", "trainer.max_epochs=1", "data.repeat=50")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Calls]:
    """The experiment as it is shipped, and what it drew."""
    with pytest.MonkeyPatch.context() as patch:
        calls = record(patch, quick=False)
        folder = tmp_path_factory.mktemp("runs") / "line"
        return run("+experiment=linear_regression", f"hydra.run.dir={folder}"), calls


def samples(**arguments: Any) -> tuple[Array, Array]:
    """Inputs with a column of ones [samples, 2] and targets [samples] of the line."""
    inputs, targets = LinearData(**arguments).tensors("train")
    design = np.hstack([inputs.double().numpy(), np.ones((len(inputs), 1))])
    return design, targets.double().numpy()[:, 0]


def path_of(folder: Path) -> Array:
    path: Array = checkpoint(folder)["callbacks"]["LeastSquaresReport"]["points"].double().numpy()
    return path


def test_the_data_are_what_the_experiment_says(line: tuple[Result, Calls]) -> None:
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


def test_the_floor_of_the_loss_is_that_of_the_closed_form(line: tuple[Result, Calls]) -> None:
    metrics = line[0].metrics
    design, targets = samples()
    _, (squares,), _, _ = np.linalg.lstsq(design, targets, rcond=None)
    assert metrics["least_squares/objective"] == pytest.approx(squares / 256, rel=1e-9)
    ending = np.mean((design @ [metrics["learned/w"], metrics["learned/b"]] - targets) ** 2)
    assert metrics["least_squares/excess"] == pytest.approx(ending - squares / 256, rel=1e-6)


def test_what_remains_of_the_slowest_error_is_what_was_promised(line: tuple[Result, Calls]) -> None:
    metrics = line[0].metrics
    design, targets = samples()
    curvatures, directions = np.linalg.eigh(2 / 256 * design.T @ design)
    assert metrics["slowest_direction/remains"] == pytest.approx((1 - LR * curvatures[0]) ** STEPS, rel=1e-6)
    errors = path_of(line[0].folder) - np.linalg.lstsq(design, targets, rcond=None)[0]
    first, last = errors[[0, -1]] @ directions[:, 0]
    assert last / first == pytest.approx(metrics["slowest_direction/remains"], rel=0.01)


def test_the_path_holds_every_step_of_a_plain_loop(line: tuple[Result, Calls]) -> None:
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


def test_the_summary_says_it_in_a_table(line: tuple[Result, Calls]) -> None:
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
    (said,) = re.findall(r"= ([\d.]+)% of its first error remains", notes[-1])
    assert float(said) == pytest.approx(100 * metrics["slowest_direction/remains"], abs=0.01)


def test_the_figures_show_the_line_the_loss_and_the_way(line: tuple[Result, Calls]) -> None:
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
    (way,) = calls["paths_over_contours"]
    np.testing.assert_array_equal(way["paths"]["3,000 steps"], path_of(result.folder))
    np.testing.assert_allclose(way["marks"]["least squares"], solution[None])
    np.testing.assert_allclose(way["marks"]["truth"], [[5, 7]])
    x, y, heights = way["x"], way["y"], way["z"]
    for row, column in ((0, 0), (3, 140), (149, 149), (70, 20)):
        residuals = design @ [x[column], y[row]] - targets
        assert heights[row, column] == pytest.approx(np.mean(residuals**2))
    for points in (way["paths"]["3,000 steps"], solution[None], np.array([[5.0, 7.0]])):
        assert (points > [x[0], y[0]]).all(), "nothing lies outside the window"
        assert (points < [x[-1], y[-1]]).all()


def test_the_path_goes_on_after_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_finished_run_is_drawn_again_with_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    first = run(*FEW)
    run(f"ckpt_path={first.folder}/checkpoints/last.ckpt")
    before, after = (call["paths"]["50 steps"] for call in calls["paths_over_contours"])
    np.testing.assert_array_equal(before, after)


def test_with_l2_the_solution_is_that_of_ridge_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    metrics = run(*FEW, "regularizer.l2=0.03").metrics
    design, targets = samples()
    ridge = Ridge(alpha=256 * 0.03, tol=1e-12).fit(design[:, :1], targets)
    for name, value in (("w", ridge.coef_[0]), ("b", ridge.intercept_)):
        solution = metrics[f"learned/{name}"] + metrics[f"optimization_error/{name}"]
        assert solution == pytest.approx(value, rel=1e-9)
    objective = np.mean((ridge.predict(design[:, :1]) - targets) ** 2) + 0.03 * ridge.coef_[0] ** 2
    assert metrics["least_squares/objective"] == pytest.approx(objective, rel=1e-9)
    assert "slowest_direction/remains" not in metrics, "whose formula is that of no penalty"
    heights = calls["paths_over_contours"][0]
    residuals = design @ [heights["x"][30], heights["y"][90]] - targets
    penalised = np.mean(residuals**2) + 0.03 * heights["x"][30] ** 2
    assert heights["z"][90, 30] == pytest.approx(penalised)


def test_with_l1_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*FEW, "regularizer.l1=0.01")
    assert not any(name.startswith(("learned/", "bias/", "least_squares/")) for name in result.metrics)
    assert result.notes == []
    assert not calls["fitted_lines"]


def test_without_a_bias_the_line_goes_through_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    metrics = run(*FEW, "model.bias=false").metrics
    design, targets = samples()
    x = design[:, 0]
    assert metrics["sampling_error/w"] == pytest.approx(5 - x @ targets / (x @ x), rel=1e-9)
    assert metrics["slowest_direction/remains"] == pytest.approx((1 - LR * 2 * np.mean(x * x)) ** 50, rel=1e-6)
    assert "learned/b" not in metrics
    assert all(bias == 0 for _, bias in calls["fitted_lines"][0]["lines"].values())
    (along,) = calls["loss_along_weight"]
    expected = np.mean((np.outer(along["weights"], x) - targets) ** 2, axis=1)
    np.testing.assert_allclose(along["losses"], expected, rtol=1e-9)
    assert len(along["path"]) == len(along["path_losses"]) == 51
    assert along["path_losses"][7] == pytest.approx(np.mean((along["path"][7] * x - targets) ** 2))


@pytest.mark.parametrize(
    "override",
    [
        "optimizer=momentum",
        "optimizer=adam",
        "data.batch_size=64",
        "optimizer.weight_decay=0.1",
        pytest.param(
            "scheduler=cosine",
        ),
        pytest.param(
            "trainer.gradient_clip_val=0.1",
        ),
    ],
)
def test_only_plain_full_batch_descent_is_explained_by_curvature(
    override: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(monkeypatch)
    result = run(*FEW, override)
    assert "optimization_error/w" in result.metrics
    assert "slowest_direction/remains" not in result.metrics
    assert not any("slowest" in note for note in result.notes)


def test_where_the_truth_is_not_known_only_the_optimization_error_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = record(monkeypatch)
    result = run("+experiment=diabetes", "trainer.max_epochs=1", "data.repeat=50", "data.val_size=0")
    patients = load_diabetes(scaled=False)
    inputs, targets = patients.data, patients.target
    train = np.arange(len(targets)) % 5 != 4
    x, y = inputs[train], targets[train]
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    solution = np.append(np.linalg.lstsq(x, y, rcond=None)[0], 0.0)
    names = [*patients.feature_names, "b"]
    found = [result.metrics[f"learned/{name}"] + result.metrics[f"optimization_error/{name}"] for name in names]
    np.testing.assert_allclose(found, solution, atol=2e-5)
    assert not any(name.startswith(("bias/", "sampling_error/")) for name in result.metrics)
    (bars,) = calls["coefficients"]
    assert list(bars["names"]) == names
    assert list(bars["values"]) == ["learned", "least squares"]
    np.testing.assert_allclose(bars["values"]["least squares"], solution, atol=2e-5)
    assert not calls["paths_over_contours"], "a way in eleven dimensions"


class TwoTargets(TensorDataModule):
    """Two planes over two features."""

    num_features = 2
    classes: list[str] = []  # noqa: RUF012  # a property in the base class

    def __init__(self) -> None:
        super().__init__(None, 0)

    def tensors(self, part: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
        inputs = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
        return inputs, inputs @ torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")  # no validation part
def test_of_two_targets_nothing_is_reported(tmp_path: Path) -> None:
    report = LeastSquaresReport()
    trainer = Trainer(max_epochs=2, default_root_dir=tmp_path, callbacks=[report], **QUIET)
    trainer.fit(LinearRegression(2, num_targets=2), datamodule=TwoTargets())
    assert report.metrics == {}
    assert report.notes == []
    assert not (tmp_path / "figures").exists()


def test_a_run_without_figures_keeps_its_numbers() -> None:
    result = run(*FEW, "figures=false")
    assert {"bias/w", "sampling_error/b", "least_squares/excess", "slowest_direction/remains"} <= result.metrics.keys()
    assert not (result.folder / "figures").exists()
    assert "LeastSquaresReport" not in checkpoint(result.folder)["callbacks"]
