"""Pairs, dicts and other batches, several validation loaders, and a user's own data module in whole fits."""

from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from gradexp import MLPClassifier
from gradexp.callbacks import Diagnostics, Divergence, LossCurve, ModelGraph
from gradexp.data import Points
from gradexp.engine.batches import pair_of, samples_in
from gradexp.engine.fit_clock import FitClock

INPUTS, TARGETS = torch.arange(12.0).reshape(6, 2) / 6, torch.tensor([0, 1, 0, 1, 1, 1])


class Own(LightningDataModule):
    """Batches of two samples; two validation loaders, of the first two and the last four samples."""

    def __init__(self, keys: tuple[str, str] | None) -> None:
        super().__init__()
        self.keys = keys

    def loader(self, begin: int, end: int) -> Any:
        dataset = TensorDataset(INPUTS[begin:end], TARGETS[begin:end])
        if self.keys is None:
            return DataLoader(dataset, batch_size=2)
        samples: Any = [dict(zip(self.keys, sample, strict=True)) for sample in zip(*dataset.tensors, strict=True)]
        return DataLoader(samples, batch_size=2)

    def train_dataloader(self) -> Any:
        return self.loader(0, 6)

    def val_dataloader(self) -> Any:
        return [self.loader(0, 2), self.loader(2, 6)]

    test_dataloader = predict_dataloader = val_dataloader


class Dicts(LightningModule):
    """A plain module for dicts of any depth."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        return F.cross_entropy(self.layer(batch["image"]), batch["kind"])

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val/loss", self.training_step(batch, 0), batch_size=2)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.1)


def trainer() -> Trainer:
    callbacks = [FitClock(), LossCurve(draw=False), Diagnostics(), Divergence(), ModelGraph()]
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, callbacks=callbacks, **quiet)


@pytest.mark.filterwarnings("ignore")  # about workers and the log interval
@pytest.mark.parametrize("keys", [None, ("image", "label"), ("x", "y")])
def test_our_models_take_pairs_and_dicts_and_measure_all_loaders_together(keys: tuple[str, str] | None) -> None:
    model, used = MLPClassifier(2, 2, hidden=(3,)), trainer()
    used.fit(model, datamodule=Own(keys))
    with torch.no_grad():
        expected = F.cross_entropy(model(INPUTS), TARGETS).item()
    assert used.callback_metrics["val/loss"].item() == pytest.approx(expected, rel=1e-6)
    used.test(model, datamodule=Own(keys), verbose=False)
    assert used.callback_metrics["test/loss"].item() == pytest.approx(expected, rel=1e-6)
    predicted: Any = used.predict(model, datamodule=Own(keys))
    assert [len(batches) for batches in predicted] == [1, 2]


@pytest.mark.filterwarnings("ignore")
def test_a_plain_module_with_dicts_of_its_own_runs_with_our_callbacks() -> None:
    used = trainer()
    used.fit(Dicts(), datamodule=Own(("image", "kind")))
    assert {"val/loss/dataloader_idx_0", "val/loss/dataloader_idx_1"} <= used.callback_metrics.keys()


def test_a_sub_class_of_our_data_modules_may_have_dicts_of_its_own() -> None:
    points = Points([[0.0], [1.0]], [0, 1])
    batch = {"x": torch.zeros(2, 1)}
    assert points.transfer_batch_to_device(batch, torch.device("cpu"), 0)["x"].shape == (2, 1)


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        ({"image": INPUTS, "kind": TARGETS}, "a dict with the keys image, kind"),
        ({"x": INPUTS, "image": INPUTS, "y": TARGETS}, "a dict with the keys x, image, y"),
        ((INPUTS, INPUTS, TARGETS), "a tuple of 3"),
        (INPUTS, "a Tensor"),
    ],
)
def test_another_batch_is_refused_with_what_it_must_be(batch: Any, got: str) -> None:
    with pytest.raises(ValueError, match=rf"pair \(inputs, targets\), or a dict .*label.*; got {got}\. Change"):
        pair_of(batch)


@pytest.mark.parametrize(
    ("batch", "number"),
    [
        (INPUTS, 6),
        ((INPUTS, TARGETS), 6),
        ({"id": "a", "of": [{"ids": TARGETS}]}, 6),
        (["a"], 0),
        (torch.ones(()), 1),
    ],
)
def test_the_samples_of_a_batch_of_any_structure_are_counted(batch: Any, number: int) -> None:
    assert samples_in(batch) == number
