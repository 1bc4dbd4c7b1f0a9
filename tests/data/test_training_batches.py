"""The batches that a plain Lightning trainer passes to a model."""

import warnings
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.app.quiet import quiet_libraries
from gradexp.data.sources import Batch
from tests.data.tiny import TinyImages


class Recorder(LightningModule):
    """Keeps the batches that it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.train_batches: list[Batch] = []
        self.val_batches: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.train_batches.append(batch)
        return self.weight * batch[0].mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.val_batches.append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(module: TinyImages, **options: Any) -> Recorder:
    quiet_libraries()
    recorder = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(recorder, module)
    return recorder


def augmented(seed: int = 0) -> TinyImages:
    module = TinyImages(seed=seed)
    module.augment = torch.rand_like  # returns only the draws, so that they can be compared
    return module


def test_val_size_zero_skips_validation() -> None:
    recorder = fit(TinyImages(val_size=0), max_epochs=1)
    assert len(recorder.train_batches) == 6
    assert recorder.val_batches == []


def test_every_epoch_has_every_sample_in_a_new_order() -> None:
    recorder = fit(TinyImages(), max_epochs=2)
    seen = [int(number) for _, targets in recorder.train_batches for number in targets]
    assert sorted(seen[:40]) == sorted(seen[40:])
    assert seen[:40] != seen[40:]


@pytest.mark.parametrize("overfit_batches", [2, 0.5])
@pytest.mark.parametrize("settings", [{}, {"repeat": 2}, {"memory_limit": 0}])
def test_overfit_batches_repeats_the_same_samples_without_a_warning(
    overfit_batches: float, settings: dict[str, Any]
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recorder = fit(TinyImages(batch_size=8, **settings), max_epochs=3, overfit_batches=overfit_batches)
    assert not [warning for warning in caught if "overfit" in str(warning.message)]
    seen = [targets.tolist() for _, targets in recorder.train_batches]
    number = 2 if overfit_batches == 2 or "repeat" not in settings else 5  # of 5 batches in a pass
    assert len(seen) == 3 * number
    assert seen[:number] == seen[number : 2 * number] == seen[2 * number :]
    assert seen[0] != seen[1]
    validated = [targets.tolist() for _, targets in recorder.val_batches]
    limit = len(validated) // 3
    assert validated[-limit:] == validated[-2 * limit : -limit]


def test_only_training_batches_are_augmented() -> None:
    recorder = fit(augmented(), max_epochs=1, num_sanity_val_steps=1)
    module = TinyImages()
    module.setup("fit")
    expected: list[Any] = list(module.val_dataloader())
    # Lightning's sanity check validates the first batch before training.
    for (inputs, _), other in zip(recorder.val_batches, [expected[0], *expected], strict=True):
        assert torch.equal(inputs, other[0])
    for inputs, _ in recorder.train_batches:
        assert 0 <= inputs.min() <= inputs.max() < 1


def test_augmentation_depends_only_on_seed_and_step() -> None:
    fits = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 7)):
        torch.manual_seed(global_seed)
        fits.append([inputs for inputs, _ in fit(augmented(seed), max_epochs=2).train_batches])
    assert all(torch.equal(one, other) for one, other in zip(fits[0], fits[1], strict=True))
    assert not any(torch.equal(one, other) for one, other in zip(fits[0], fits[2], strict=True))
    assert len({inputs.flatten()[0].item() for inputs in fits[0]}) == 8
