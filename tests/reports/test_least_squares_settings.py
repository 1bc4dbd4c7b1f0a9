"""LeastSquaresReport with other settings, data and models than those of the experiment linear_regression."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from torch import Tensor

from gradexp import run
from gradexp.data import TensorDataModule
from gradexp.models import LinearRegression
from gradexp.reports import LeastSquaresReport
from tests.callbacks.drawing import QUIET, record
from tests.reports.linear_experiment import FEW_STEPS, LR, samples
from tests.run_folder import checkpoint


def test_with_l2_the_solution_equals_ridge_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    metrics = run(*FEW_STEPS, "regularizer.l2=0.03").metrics
    design, targets = samples()
    ridge = Ridge(alpha=256 * 0.03, tol=1e-12).fit(design[:, :1], targets)
    for name, value in (("w", ridge.coef_[0]), ("b", ridge.intercept_)):
        solution = metrics[f"learned/{name}"] + metrics[f"optimization_error/{name}"]
        assert solution == pytest.approx(value, rel=1e-9)
    objective = np.mean((ridge.predict(design[:, :1]) - targets) ** 2) + 0.03 * ridge.coef_[0] ** 2
    assert metrics["least_squares/objective"] == pytest.approx(objective, rel=1e-9)
    assert "slowest_direction/remains" not in metrics, "the formula is for no penalty"
    heights = calls["paths_over_contours"][0]
    residuals = design @ [heights["x"][30], heights["y"][90]] - targets
    penalised = np.mean(residuals**2) + 0.03 * heights["x"][30] ** 2
    assert heights["z"][90, 30] == pytest.approx(penalised)


def test_with_l1_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    result = run(*FEW_STEPS, "regularizer.l1=0.01")
    assert not any(name.startswith(("learned/", "bias/", "least_squares/")) for name in result.metrics)
    assert result.notes == []
    assert not calls["fitted_lines"]


def test_without_a_bias_the_line_goes_through_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    metrics = run(*FEW_STEPS, "model.bias=false").metrics
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
        "scheduler=cosine",
        "trainer.gradient_clip_val=0.1",
    ],
)
def test_only_plain_full_batch_descent_is_explained_by_curvature(
    override: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(monkeypatch)
    result = run(*FEW_STEPS, override)
    assert "optimization_error/w" in result.metrics
    assert "slowest_direction/remains" not in result.metrics
    assert not any("slowest" in note for note in result.notes)


def test_without_a_known_truth_only_the_optimization_error_is_reported(
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
    solved = [result.metrics[f"learned/{name}"] + result.metrics[f"optimization_error/{name}"] for name in names]
    np.testing.assert_allclose(solved, solution, atol=2e-5)
    assert not any(name.startswith(("bias/", "sampling_error/")) for name in result.metrics)
    (bars,) = calls["coefficients"]
    assert list(bars["names"]) == names
    assert list(bars["values"]) == ["learned", "least squares"]
    np.testing.assert_allclose(bars["values"]["least squares"], solution, atol=2e-5)
    assert not calls["paths_over_contours"], "a path in eleven dimensions"


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
def test_with_two_targets_nothing_is_reported(tmp_path: Path) -> None:
    report = LeastSquaresReport()
    trainer = Trainer(max_epochs=2, default_root_dir=tmp_path, callbacks=[report], **QUIET)
    trainer.fit(LinearRegression(2, num_targets=2), datamodule=TwoTargets())
    assert report.metrics == {}
    assert report.notes == []
    assert not (tmp_path / "figures").exists()


def test_a_run_without_figures_keeps_its_numbers() -> None:
    result = run(*FEW_STEPS, "figures=false")
    assert {"bias/w", "sampling_error/b", "least_squares/excess", "slowest_direction/remains"} <= result.metrics.keys()
    assert not (result.folder / "figures").exists()
    assert "LeastSquaresReport" not in checkpoint(result.folder)["callbacks"]
