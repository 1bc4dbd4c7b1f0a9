"""Parts, loaders and state of data modules."""

from typing import Any

import pytest
import torch

from gradexp.data.images.image_datamodule import ByteSource
from gradexp.data.sources import TensorSource
from tests.data.tiny import TEST, TRAIN, TinyImages


def numbers(loader: Any) -> list[int]:
    return [int(number) for _, targets in loader for number in targets]


def parts_of(module: TinyImages) -> tuple[list[int], list[int], list[int]]:
    module.setup("fit")
    module.setup("test")
    return numbers(module.train_dataloader()), numbers(module.val_dataloader()), numbers(module.test_dataloader())


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
def test_invalid_arguments_raise_with_name_and_value(name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} must be") as error:
        TinyImages(**options)
    assert f"got {'null' if value is None else repr(value)}" in str(error.value)


def test_batch_size_is_at_most_the_number_of_training_samples() -> None:
    with pytest.raises(ValueError, match=r"data\.batch_size must be at most 40.*got 41"):
        TinyImages(batch_size=41, val_size=20).setup("fit")
    module = TinyImages(batch_size=40, val_size=20)
    module.setup("fit")
    assert len(module.train_dataloader()) == 1


def test_batch_size_none_means_full_batches() -> None:
    module = TinyImages(batch_size=None)
    module.setup("fit")
    (batch,) = module.train_dataloader()
    assert len(batch[0]) == 40


def test_seed_draws_the_validation_part_from_the_training_part() -> None:
    train, val, test = parts_of(TinyImages(seed=0))
    assert (len(train), len(val)) == (40, 20)
    assert sorted(train + val) == list(range(TRAIN))
    assert sorted(parts_of(TinyImages(seed=0))[1]) == sorted(val)
    assert sorted(parts_of(TinyImages(seed=1))[1]) != sorted(val)
    assert test == parts_of(TinyImages(seed=1))[2] == list(range(TRAIN, TRAIN + TEST))


def test_split_does_not_depend_on_the_batch_size() -> None:
    assert sorted(parts_of(TinyImages(batch_size=3))[1]) == sorted(parts_of(TinyImages(batch_size=None))[1])


def test_only_test_and_predict_read_the_test_part() -> None:
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


def test_testing_an_unfitted_module_fits_preprocessing_on_the_training_part() -> None:
    fitted, fresh = TinyImages(), TinyImages()
    fitted.setup("fit")
    fresh.setup("test")
    assert fresh.reads == ["train", "test"]
    assert (fresh.mean, fresh.std) == (fitted.mean, fitted.std)


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


def test_state_resumes_at_the_next_batch() -> None:
    module = TinyImages()
    module.setup("fit")
    whole = numbers(module.train_dataloader())
    batches = iter(module.train_dataloader())
    for _ in range(3):
        next(batches)

    resumed = TinyImages()
    resumed.load_state_dict(module.state_dict())
    resumed.setup("fit")
    loader = resumed.train_dataloader()
    assert numbers(loader) == whole[30:]
    assert numbers(loader) == numbers(resumed.train_dataloader()) == whole


@pytest.mark.parametrize("memory_limit", [0, 1])
def test_train_targets_reads_no_images(memory_limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = TinyImages(memory_limit=memory_limit)
    module.setup("fit")
    _, expected = module.sample(TRAIN)
    for cls in (ByteSource, TensorSource):
        monkeypatch.delattr(cls, "__getitem__")
    targets = module.train_targets()
    assert targets.tolist() == expected.tolist()
    assert len(targets) == 40
