"""The images of a run in a folder that has changed: its test images are found again, training ones never tested."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gradexp.data import ImageFolder
from tests.data.images.pets import make

OPTIONS: dict[str, Any] = {"image_size": (8, 12)}


def trained(path: str = "pets", **options: Any) -> tuple[ImageFolder, dict[str, Any]]:
    images = ImageFolder(path, **OPTIONS, **options)
    images.setup("fit")
    images.setup("test")
    return images, images.state_dict()


def restored(state: dict[str, Any], path: str = "pets", **options: Any) -> ImageFolder:
    images = ImageFolder(path, **OPTIONS, **options)
    images.load_state_dict(state)
    images.setup("test")
    return images


def part(images: ImageFolder, name: str = "test") -> torch.Tensor:
    """Pixels and class of each image [images, pixels + 1]."""
    inputs, targets = images._parts[name][torch.arange(images.sizes()[name])]
    return torch.cat([inputs.flatten(1), targets.unsqueeze(1)], 1)


def add(*names: str) -> None:
    """Write new images, one of each colour."""
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9, 3), 40 + number, dtype=np.uint8)).save(name)


def test_the_checkpoint_has_8_bytes_an_image() -> None:
    make()
    _, state = trained()
    assert sum(tensor.nbytes for tensor in state["preprocessing"]["samples"].values()) == 8 * 40


@pytest.mark.parametrize("memory_limit", [0.0, 2.0])
def test_added_and_renamed_images_do_not_change_the_test_part(memory_limit: float) -> None:
    make()
    images, state = trained(memory_limit=memory_limit)
    expected = part(images)
    add("pets/cat/00.png", "pets/cat/zz.png", "pets/dog/new.png")
    for number, path in enumerate(sorted(Path("pets/dog").iterdir())):
        path.rename(path.with_stem(f"{99 - number}"))
    again = restored(state, memory_limit=memory_limit)
    assert torch.equal(part(again), expected)
    assert again.notes == ["pets has 3 new images: they are not tested; data.new_rows=true tests them too"]
    with_new = restored(state, memory_limit=memory_limit, new_rows=True)
    assert with_new.sizes() == {"test": 8 + 3}
    assert torch.equal(part(with_new)[:8], expected)
    assert with_new.notes == ["pets has 3 new images: they are tested too"]


def test_training_images_are_never_tested() -> None:
    make()
    images, state = trained()
    # Copies of all images, under other names.
    for path in list(Path("pets").rglob("*.*")):
        path.with_stem(f"copy {path.stem}").write_bytes(path.read_bytes())
    again = restored(state, new_rows=True)
    assert again.notes == ["pets has 40 new images, 32 of which equal training images: the others are tested too"]
    assert sorted(part(again).tolist()) == sorted(part(images).tolist() * 2)
    # Training images that were moved to a test folder.
    make("parts/train")
    add("parts/test/cat/1.png", "parts/test/dog/2.png")
    _, state = trained("parts")
    for name in ("cat", "dog"):
        Path(f"parts/train/{name}/3.png").rename(f"parts/test/{name}/3.png")
    moved = restored(state, "parts", new_rows=True)
    assert moved.sizes() == {"test": 2}
    assert moved.notes == ["parts has 2 new images, 2 of which equal training images: they are not tested"]


def test_missing_images_are_said_and_a_folder_without_any_is_refused() -> None:
    make()
    images, state = trained()
    wanted = part(images)
    everything = {path: path.read_bytes() for path in Path("pets").rglob("*.*")}
    kept = 8
    for path in everything:
        path.unlink()
        left = restored(state)
        if left.sizes()["test"] < kept:
            break
        path.write_bytes(everything[path])
    assert left.sizes() == {"test": 7}
    assert {tuple(row) for row in part(left).tolist()} < {tuple(row) for row in wanted.tolist()}
    assert left.notes == ["pets has 7 of the 8 test images of the run; 1 are missing"]
    add(*(f"others/{name}/{number}.png" for name in ("cat", "dog") for number in range(3)))
    with pytest.raises(ValueError, match=r"^data\.path must have test images of the run .* others has none") as error:
        restored(state, "others")
    assert "of the 8, 0 training images and 6 new images. data.new_rows=true tests the new images." in str(error.value)
    assert restored(state, "others", new_rows=True).sizes() == {"test": 6}


def test_a_new_run_says_that_test_images_equal_training_images() -> None:
    make("pets/train")
    make("pets/test", number=3)
    for number in range(3):
        path = Path(f"pets/train/cat/{number}.{'png' if number % 2 else 'jpg'}")
        Path(f"pets/test/cat/{path.name}").write_bytes(path.read_bytes())
    images, state = trained()
    equal = "3 of the 6 images in the test folder equal training images"
    assert equal in images.notes
    again = restored(state)
    assert torch.equal(part(again), part(images))
    assert again.notes == []


def test_resuming_with_other_images_raises() -> None:
    make()
    _, state = trained()
    trained()[0].load_state_dict(state)
    add("pets/cat/new.png")
    with pytest.raises(ValueError, match=r"^data\.path must hold the images that the run was started with"):
        trained()[0].load_state_dict(state)


def test_new_rows_belong_to_a_checkpoint() -> None:
    make()
    with pytest.raises(ValueError, match=r"^data\.new_rows must be false where training .*; got true\."):
        trained(new_rows=True)


def test_no_character_of_a_path_is_a_pattern() -> None:
    make("pets1")
    make("pets[1]/*", number=5)
    assert sum(trained("pets[1]/*")[0].sizes().values()) == 10
    make("[a-z]", ("cat[1]", "{b}", "**"), number=4)
    assert trained("[a-z]")[0].classes == ["**", "cat[1]", "{b}"]
