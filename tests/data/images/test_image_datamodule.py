"""Normalisation of the data, and images read from files as inputs of the model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gradexp.data import Digits
from tests.data.tiny import TRAIN, TinyImages


def set_up(**options: Any) -> TinyImages:
    module = TinyImages(**options)
    module.setup("fit")
    return module


def test_mean_and_std_are_of_the_training_images_only() -> None:
    module = set_up(val_size=20)
    numbers = module.sample(TRAIN)[1].numpy()
    assert len(numbers) == 40
    pixels = module.images[numbers].astype(np.float64)
    assert module.mean == pytest.approx(pixels.mean(), rel=1e-12)
    assert module.std == pytest.approx(pixels.std(), rel=1e-12)
    # The validation images would change them.
    assert module.mean != pytest.approx(module.images[:TRAIN].mean(), rel=1e-3)


def test_all_parts_are_normalised_by_the_training_images() -> None:
    module = set_up()
    module.setup("test")
    inputs, _ = module.sample(TRAIN)
    assert inputs.mean().item() == pytest.approx(0, abs=1e-6)
    assert inputs.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    loaders: list[Any] = [module.train_dataloader(), module.val_dataloader(), module.test_dataloader()]
    for loader in loaders:
        for batch, numbers in loader:
            expected = (module.images[numbers.numpy()] - np.float64(module.mean)) / np.float64(module.std)
            np.testing.assert_allclose(batch[:, 0].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_images_of_one_colour_stay_finite() -> None:
    module = TinyImages()
    module.images[:] = 77
    module.setup("fit")
    assert torch.equal(module.sample(5)[0], torch.zeros(5, 1, 6, 6))


def test_state_dict_suffices_for_preprocessing(tmp_path: Path) -> None:
    module, fresh = (TinyImages(augmentation={"degrees": 5.0}) for _ in range(2))
    module.setup("fit")
    Image.fromarray(module.images[3]).save(tmp_path / "three.png")
    fresh.load_state_dict(module.state_dict())
    assert torch.equal(fresh.read(tmp_path / "three.png"), module.read(tmp_path / "three.png"))
    assert fresh.reads == []


def test_state_is_plain_data() -> None:
    state = set_up().state_dict()["preprocessing"]
    assert {name: type(value) for name, value in state.items()} == {"mean": float, "std": float}


def test_image_read_from_a_file_equals_the_image_in_the_data(tmp_path: Path) -> None:
    module = set_up(val_size=0)
    inputs, numbers = module.sample(10)
    for image, number in zip(inputs, numbers, strict=True):
        Image.fromarray(module.images[number]).save(tmp_path / "image.png")
        assert torch.equal(module.read(tmp_path / "image.png"), image.unsqueeze(0))


def test_digits_read_from_files_have_17_grey_levels(tmp_path: Path) -> None:
    module = Digits()
    module.setup("fit")
    images = module.load("train").images[:10]
    expected, _ = module.preprocess(module.load("train"))[torch.arange(10)]
    for image, tensor in zip(images, expected, strict=True):
        grey = np.round(image[0].numpy() * (255 / 16)).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / "digit.png")
        assert torch.equal(module.read(tmp_path / "digit.png"), tensor.unsqueeze(0))


def test_augmentation_fills_with_black() -> None:
    module = set_up(augmentation={"degrees": 45.0, "translate": 0.9, "elastic": 1.0})
    assert module.augment is not None
    black = torch.full((4, 1, 6, 6), -module.mean / module.std)  # type: ignore[operator]
    torch.testing.assert_close(module.augment(black), black, rtol=0, atol=1e-6)


def test_sample_is_augmented_as_in_training() -> None:
    plain, augmented = set_up().sample(4), set_up(augmentation={"degrees": 45.0}).sample(4)
    assert plain[0].shape == augmented[0].shape == (4, 1, 6, 6)
    assert torch.equal(plain[1], augmented[1])
    assert not torch.allclose(plain[0], augmented[0], atol=0.1)
    assert len(set_up().sample(1000)[0]) == 40


@pytest.mark.parametrize(("name", "value"), [("degree", 10), ("degrees", -10)])
def test_invalid_augmentation_raises_in_the_constructor(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        TinyImages(augmentation={name: value})


def test_fill_value_is_used_or_raises_in_the_constructor() -> None:
    try:
        module = TinyImages(augmentation={"fill": 1.0})
    except ValueError:
        return
    module.setup("fit")
