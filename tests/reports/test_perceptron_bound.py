"""PerceptronBound against a brute-force search of separating planes and a plain loop of Rosenblatt's rule."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lightning.pytorch import Trainer

from gradexp import run
from gradexp.data import Blobs, Separable
from gradexp.models import Rosenblatt, SigmoidUnits
from gradexp.reports import PerceptronBound
from gradexp.reports.perceptron_bound import radius_and_margin
from tests.callbacks.drawing import QUIET

Array = npt.NDArray[np.float64]

XOR = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1, 1, 0])
NO_VALIDATION = pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")


def extended(data: Separable) -> tuple[Array, npt.NDArray[np.int64]]:
    """Samples with a 1 for the bias [samples, features + 1], and their classes."""
    inputs, targets = data.tensors("train")
    return np.hstack([inputs.double().numpy(), np.ones((len(inputs), 1))]), targets.numpy()


def corrections_by_hand(data: Separable, one_by_one: bool) -> int:
    """Corrections of Rosenblatt's rule until it converges, by single samples or by full batches."""
    samples, targets = extended(data)
    plane, corrections = np.zeros(samples.shape[1]), 0
    while True:
        before = corrections
        for batch in np.arange(len(samples)).reshape(-1, 1 if one_by_one else len(samples)):
            errors = targets[batch] - (samples[batch] @ plane > 0)
            plane += errors @ samples[batch]
            corrections += int(np.abs(errors).sum())
        if corrections == before:
            return corrections


@pytest.mark.parametrize("seed", range(4))
def test_the_margin_is_close_to_that_of_the_best_plane(seed: int) -> None:
    data = Separable(num_samples=20, margin=0.1, seed=seed)
    radius_margin = radius_and_margin(*data.tensors("train"))
    assert radius_margin is not None
    samples, targets = extended(data)
    assert radius_margin[0] == pytest.approx(np.linalg.norm(samples, axis=1).max())
    # All directions of the plane's three numbers, one degree apart.
    tilt, turn = np.meshgrid(np.radians(np.arange(0, 181)), np.radians(np.arange(0, 360)))
    planes = np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=-1).reshape(-1, 3)
    best = ((2 * targets - 1)[:, None] * (samples @ planes.T)).min(axis=0).max()
    assert 0.5 * best < radius_margin[1] < best + np.radians(1) * radius_margin[0]


@pytest.mark.parametrize("seed", range(30))
def test_corrections_do_not_exceed_the_bound(seed: int) -> None:
    data = Separable(num_samples=30, margin=0.05, seed=seed)
    radius_margin = radius_and_margin(*data.tensors("train"))
    assert radius_margin is not None
    assert corrections_by_hand(data, one_by_one=True) <= (radius_margin[0] / radius_margin[1]) ** 2


def test_the_metrics_and_the_note() -> None:
    result = run("+experiment=rosenblatt", "data.num_samples=40", "trainer.max_epochs=10", "figures=false")
    metrics = result.metrics
    corrections, bound = metrics["perceptron/corrections"], metrics["perceptron/bound"]
    assert metrics["train/accuracy"] == 1
    assert 0 < corrections <= bound == pytest.approx((metrics["perceptron/radius"] / metrics["perceptron/margin"]) ** 2)
    (note,) = result.notes
    assert note.startswith(f"{corrections:.0f} corrections; the upper bound for these samples is (R / margin)^2 = (")
    assert note.endswith(f" = {bound:,.0f}")


@NO_VALIDATION
def test_corrections_equal_those_of_a_plain_loop(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data, report = Separable(num_samples=30, batch_size=None), PerceptronBound()
    trainer = Trainer(max_epochs=300, default_root_dir=tmp_path, callbacks=[report], **QUIET)
    trainer.fit(Rosenblatt(2, optimizer={"_target_": "torch.optim.SGD", "lr": 1.0}), datamodule=data)
    assert report.metrics["perceptron/corrections"] == corrections_by_hand(data, one_by_one=False)


@NO_VALIDATION
def test_full_batches_have_no_bound(tmp_path: Path) -> None:
    data, report = Separable(num_samples=30, margin=0.05, batch_size=None, seed=13), PerceptronBound()
    trainer = Trainer(max_epochs=100, default_root_dir=tmp_path, callbacks=[report], **QUIET)
    trainer.fit(Rosenblatt(2, optimizer={"_target_": "torch.optim.SGD", "lr": 1.0}), datamodule=data)
    assert "upper bound" not in report.notes[0]


def test_a_single_class_has_no_bound() -> None:
    assert radius_and_margin(torch.randn(5, 2), torch.ones(5, dtype=torch.long)) is None
    assert radius_and_margin(torch.randn(5, 2), torch.zeros(5, dtype=torch.long)) is None


@pytest.mark.filterwarnings("ignore:Solver terminated early")  # the next test is about this warning
def test_exclusive_or_has_no_bound() -> None:
    assert radius_and_margin(*XOR) is None
    result = run("+experiment=rosenblatt", "data=xor", "data.batch_size=1", "trainer.max_epochs=1", "figures=false")
    assert result.metrics["perceptron/corrections"] > 50
    assert "perceptron/bound" not in result.metrics
    assert any("no line separates the classes, so the rule never converges" in note for note in result.notes)


@pytest.mark.parametrize("data", [XOR, Blobs(radius=1.0).tensors("train")], ids=["exclusive or", "overlapping clouds"])
def test_classes_that_no_line_separates_give_no_warning(data: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert radius_and_margin(*data) is None


@NO_VALIDATION
def test_other_models_have_no_such_report(tmp_path: Path) -> None:
    report = PerceptronBound()
    trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, callbacks=[report], **QUIET)
    trainer.fit(SigmoidUnits(2), datamodule=Separable(num_samples=10))
    assert report.metrics == {}
    assert report.notes == []
