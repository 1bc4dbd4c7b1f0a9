"""Parts, loaders, state and augmentation of any data module."""

from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gradexp.data.batches import Batch, TensorSource
from gradexp.quiet import quiet_libraries
from tests.data.tiny import TEST, TRAIN, TinyImages


class Recorder(LightningModule):
    """Keeps the batches that reach it, as they reach it."""

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


def make_trainer(**options: Any) -> Trainer:
    quiet_libraries()
    silent = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(accelerator="cpu", devices=1, **silent, **options)


def fit(module: TinyImages, ckpt_path: str | None = None, **options: Any) -> tuple[Recorder, Trainer]:
    recorder, trainer = Recorder(), make_trainer(**options)
    trainer.fit(recorder, module, ckpt_path=ckpt_path)
    return recorder, trainer


def numbers(loader: Any) -> list[int]:
    return [int(number) for _, targets in loader for number in targets]


def parts_of(module: TinyImages) -> tuple[list[int], list[int], list[int]]:
    module.setup("fit")
    module.setup("test")
    return tuple(map(numbers, (module.train_dataloader(), module.val_dataloader(), module.test_dataloader())))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -5),
        ("batch_size", 2.5),
        ("eval_batch_size", 0),
        ("eval_batch_size", None),
        ("val_size", -1),
        ("val_size", 1.5),
        ("val_size", -0.1),
        ("seed", -1),
        ("seed", None),
        ("num_workers", -1),
        ("memory_limit", -0.5),
        ("memory_limit", float("inf")),
    ],
)
def test_a_bad_argument_is_named_with_its_value(name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} must be") as error:
        TinyImages(**options)
    assert f"got {value!r}" in str(error.value)


def test_a_batch_is_at_most_the_training_part() -> None:
    with pytest.raises(ValueError, match=r"data\.batch_size must be at most 40.*got 41"):
        TinyImages(batch_size=41, val_size=20).setup("fit")
    module = TinyImages(batch_size=40, val_size=20)
    module.setup("fit")
    assert len(module.train_dataloader()) == 1


def test_without_a_batch_size_training_is_in_full_batches() -> None:
    module = TinyImages(batch_size=None)
    module.setup("fit")
    (batch,) = module.train_dataloader()
    assert len(batch[0]) == 40


def test_the_seed_draws_the_validation_part_from_the_training_part() -> None:
    train, val, test = parts_of(TinyImages(seed=0))
    assert (len(train), len(val)) == (40, 20)
    assert sorted(train + val) == list(range(TRAIN))
    assert sorted(parts_of(TinyImages(seed=0))[1]) == sorted(val)
    assert sorted(parts_of(TinyImages(seed=1))[1]) != sorted(val)
    assert test == parts_of(TinyImages(seed=1))[2] == list(range(TRAIN, TRAIN + TEST))


def test_the_split_is_not_the_order_of_batches() -> None:
    # Batches of another size, more epochs: the validation part stays.
    assert sorted(parts_of(TinyImages(batch_size=3))[1]) == sorted(parts_of(TinyImages(batch_size=None))[1])


def test_the_test_part_is_read_for_test_and_predict_alone() -> None:
    module = TinyImages()
    module.setup("fit")
    module.setup("validate")
    assert set(module.reads) == {"train"}
    assert set(module.sizes()) == {"train", "val"}
    for stage in ("test", "predict"):
        fitted = TinyImages()
        fitted.load_state_dict(module.state_dict())
        fitted.setup(stage)
        assert fitted.reads == ["test"]


def test_a_test_without_preprocessing_fits_it_on_the_training_part() -> None:
    fitted, fresh = TinyImages(), TinyImages()
    fitted.setup("fit")
    fresh.setup("test")
    assert fresh.reads == ["train", "test"]
    assert (fresh.mean, fresh.std) == (fitted.mean, fitted.std)


def test_no_validation_part_means_no_validation() -> None:
    recorder, _ = fit(TinyImages(val_size=0), max_epochs=1)
    assert len(recorder.train_batches) == 6
    assert recorder.val_batches == []


@pytest.mark.parametrize("num_workers", [0, 2])
def test_streamed_batches_equal_those_in_memory(num_workers: int) -> None:
    loaders = []
    for memory_limit in (0.0, 1.0):
        module = TinyImages(memory_limit=memory_limit, num_workers=num_workers)
        module.setup("fit")
        loaders.append(module.train_dataloader())
    streamed, in_memory = loaders
    assert isinstance(in_memory.source, TensorSource)
    assert not isinstance(streamed.source, TensorSource)
    for mine, other in zip(streamed, in_memory, strict=True):
        assert torch.equal(mine[0], other[0])
        assert torch.equal(mine[1], other[1])


def test_training_in_epochs_sees_every_sample_in_a_new_order() -> None:
    recorder, _ = fit(TinyImages(), max_epochs=2)
    seen = numbers(recorder.train_batches)
    assert sorted(seen[:40]) == sorted(seen[40:])
    assert seen[:40] != seen[40:]


def test_a_fit_that_stopped_in_mid_epoch_resumes_with_the_next_batch() -> None:
    whole, _ = fit(augmented(), max_epochs=2)
    assert len(whole.train_batches) == 8
    first, trainer = fit(augmented(), max_steps=3)
    trainer.save_checkpoint("stopped.ckpt")
    rest, _ = fit(augmented(), ckpt_path="stopped.ckpt", max_epochs=2)
    for mine, expected in zip(first.train_batches + rest.train_batches, whole.train_batches, strict=True):
        assert torch.equal(mine[1], expected[1])
        assert torch.equal(mine[0], expected[0])


def augmented(seed: int = 0) -> TinyImages:
    module = TinyImages(seed=seed)
    module.augment = torch.rand_like  # nothing but the draws, so that they can be compared
    return module


def test_augmentation_is_for_training_batches_alone() -> None:
    recorder, _ = fit(augmented(), max_epochs=1, num_sanity_val_steps=1)
    module = TinyImages()
    module.setup("fit")
    expected = list(module.val_dataloader())
    # The sanity check before training sees the first batch once more.
    for (inputs, _), other in zip(recorder.val_batches, [expected[0], *expected], strict=True):
        assert torch.equal(inputs, other[0])
    for inputs, _ in recorder.train_batches:
        assert 0 <= inputs.min() <= inputs.max() < 1


def test_augmentation_is_a_function_of_seed_and_step() -> None:
    fits = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 7)):
        torch.manual_seed(global_seed)
        fits.append([inputs for inputs, _ in fit(augmented(seed), max_epochs=2)[0].train_batches])
    assert all(torch.equal(one, other) for one, other in zip(fits[0], fits[1], strict=True))
    assert not any(torch.equal(one, other) for one, other in zip(fits[0], fits[2], strict=True))
    assert len({inputs.flatten()[0].item() for inputs in fits[0]}) == 8
