"""CostCurve against NumPy: the cost of one set of weights over all training samples."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gradexp import run
from gradexp.callbacks import CostCurve
from gradexp.data import Diabetes
from gradexp.models import LinearRegression, MLPRegressor
from tests.callbacks.drawing import QUIET
from tests.power_cut import PowerCut, cut_power_at

Table = dict[str, npt.NDArray[np.float64]]


def table(folder: Path) -> Table:
    rows = list(csv.DictReader((folder / "cost_curve.csv").read_text().splitlines()))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("epochs", "steps", "seconds", "cost")}


class Weights(Callback):
    """Records the weights before the first epoch and after each."""

    def __init__(self) -> None:
        self.kept: list[npt.NDArray[np.float64]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.kept.append(torch.cat([p.detach().flatten() for p in pl_module.parameters()]).double().numpy())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.on_train_start(trainer, pl_module)


@pytest.mark.parametrize(("batch_size", "repeat", "steps"), [(None, 2, 2), (32, 2, 18), (32, 1, 9), (1, 1, 283)])
def test_the_costs_equal_numpys_for_the_weights_after_each_epoch(
    batch_size: int | None, repeat: int, steps: int, tmp_path: Path
) -> None:
    data = Diabetes(batch_size=batch_size, repeat=repeat, steps_per_execution=50)
    weights = Weights()
    trainer = Trainer(max_epochs=3, default_root_dir=tmp_path, callbacks=[weights, CostCurve()], **QUIET)
    trainer.fit(LinearRegression(10, optimizer={"_target_": "torch.optim.SGD", "lr": 0.01}), datamodule=data)
    inputs, targets = (tensor.double().numpy() for tensor in data.sample(10_000))
    assert len(inputs) == 283
    curve = table(tmp_path)
    expected = [np.mean((inputs @ kept[:-1] + kept[-1] - targets[:, 0]) ** 2) for kept in weights.kept]
    np.testing.assert_allclose(curve["cost"], expected, rtol=1e-5)
    np.testing.assert_array_equal(curve["epochs"], repeat * np.arange(4))
    np.testing.assert_array_equal(curve["steps"], steps * np.arange(4))
    assert curve["seconds"][0] == 0
    assert (np.diff(curve["seconds"]) > 0).all()


def test_measuring_does_not_change_the_fit(tmp_path: Path) -> None:
    ends = []
    for callbacks in ([], [CostCurve()]):
        torch.manual_seed(0)
        model = MLPRegressor(10, hidden=(8,), dropout=0.5)
        trainer = Trainer(max_epochs=2, default_root_dir=tmp_path, callbacks=list[Callback](callbacks), **QUIET)
        trainer.fit(model, datamodule=Diabetes(batch_size=64))
        assert model.training
        ends.append(model.state_dict())
    for name, tensor in ends[0].items():
        assert torch.equal(tensor, ends[1][name]), name


def test_the_curve_continues_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("+experiment=minibatch", "hydra.mode=RUN", "data.batch_size=32", "trainer.max_epochs=4", "test=false")
    whole = table(run(*settings, "hydra.run.dir=whole").folder)
    assert len(whole["cost"]) == 5
    with monkeypatch.context() as patch:
        cut_power_at(18, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    assert not Path("cut/cost_curve.csv").exists(), "it is written only at the end"
    resumed = table(run("ckpt_path=cut/checkpoints/last.ckpt").folder)
    for column in ("epochs", "steps", "cost"):
        np.testing.assert_array_equal(resumed[column], whole[column])
    assert (np.diff(resumed["seconds"]) > 0).all()


def test_an_epoch_ended_by_max_steps_counts_as_a_fraction(tmp_path: Path) -> None:
    trainer = Trainer(max_steps=3, default_root_dir=tmp_path, callbacks=[CostCurve()], **QUIET)
    trainer.fit(LinearRegression(10), datamodule=Diabetes(batch_size=32))  # 9 steps per epoch
    curve = table(tmp_path)
    np.testing.assert_array_equal(curve["steps"], [0, 3])
    np.testing.assert_allclose(curve["epochs"], [0, 3 / 9])


def test_a_run_without_data_has_no_cost_curve() -> None:
    settings = ("data.repeat=5", "trainer.max_epochs=1", "figures=false")
    result = run("+experiment=himmelblau", *settings, "+callbacks.cost._target_=gradexp.callbacks.CostCurve")
    assert result.metrics["status"] == "completed"
