"""Images that a Python program holds are converted as those of files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gradexp.data import Digits, ImageFolder
from gradexp.data.images.given_images import raw_images
from tests.data.images.pets import make

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 17, (5, 1, 8, 8)).astype(np.uint8)  # of scikit-learn's digits
COLOUR = RNG.integers(0, 256, (5, 3, 8, 12)).astype(np.uint8)


def pets() -> ImageFolder:
    make(number=3)
    images = ImageFolder("pets", image_size=(8, 12))
    images.setup("fit")
    return images


@pytest.mark.parametrize(
    "given",
    [
        GREY, torch.from_numpy(GREY), GREY.astype(np.float32), GREY.tolist(), list(GREY), GREY[:, 0], list(GREY[:, 0]),
        GREY.reshape(5, 64).astype(np.float64), GREY.transpose(0, 2, 3, 1), [torch.from_numpy(one) for one in GREY],
    ],
    ids=["array", "tensor", "float", "lists", "list", "no channel", "list without", "flat", "channel last", "tensors"],
)  # fmt: skip
def test_bytes_of_the_models_own_size_are_taken_as_they_are(given: Any) -> None:
    raw = Digits().raw_samples(given)
    assert raw.dtype == torch.uint8
    assert np.array_equal(raw, GREY)


def test_one_image_is_a_batch_of_one() -> None:
    for given in (GREY[0], GREY[0, 0], GREY[:1]):
        assert np.array_equal(Digits().raw_samples(given), GREY[:1])


def test_images_of_another_size_are_converted_as_those_of_files(own_folder: Path) -> None:
    images = pets()
    paths = sorted(Path("pets/cat").iterdir())
    files = images.preprocessor()(images.raw_samples("pets/cat"))
    torch.testing.assert_close(files, images.read_samples(Path("pets/cat")).inputs)
    opened = [Image.open(path) for path in paths]
    for given in (paths, [str(path) for path in paths], opened, [np.asarray(image) for image in opened]):
        torch.testing.assert_close(images.preprocessor()(images.raw_samples(given)), files)
    first = np.asarray(opened[0])
    assert torch.equal(images.raw_samples([paths[0], opened[1]]), images.raw_samples(opened[:2]))
    assert torch.equal(images.raw_samples(first), images.raw_samples(torch.from_numpy(first.copy()).permute(2, 0, 1)))
    both = np.stack([first, 255 - first])
    assert torch.equal(images.raw_samples(both), images.raw_samples([both[0], both[1]]))


def test_grey_paper_is_inverted_in_digits_and_scaled_to_their_white() -> None:
    paper = np.full((40, 40), 255, np.uint8)
    paper[5:35, 10:30] = 0
    raw = Digits().raw_samples(paper)
    assert raw.shape == (1, 1, 8, 8)
    assert raw.max() == 16
    assert raw[0, 0, 0, 0] == 0


def test_the_size_of_colour_images_with_channels_last_is_their_own() -> None:
    raw = raw_images(COLOUR.transpose(0, 2, 3, 1), (3, 8, 12), 255, False)
    assert np.array_equal(raw, COLOUR)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((2, 5, 5)), r"be Pillow images, .* shape \[samples, 1, 8, 8\], .*; got ndarray of shape \[2, 5, 5\]"),
        (np.zeros(64), r"be Pillow images, .* got ndarray of shape \[64\]"),
        ([], r"be Pillow images, .* got list of shape \[0\]"),
        (None, "be Pillow images, .* got NoneType None"),
        ([object()], "be Pillow images, .* got object "),
        (GREY / 16, r"be whole numbers from 0 \(black\) to 16 \(white\); got float64 from 0 to 1\."),
        (GREY + 1, r"be whole numbers from 0 \(black\) to 16 \(white\); got uint8 from 1 to 17\."),
        (np.full((9, 9), -1), r"be whole numbers from 0 \(black\) to 255 \(white\); got int64 from -1 to -1\."),
        (np.full((8, 8), np.nan), "be whole numbers"),
        ("nowhere.png", r"be an image file or a folder of them; there is no nowhere\.png"),
        (Image.new("L", (0, 5)), r"be Pillow images, .*; got Image of shape \[5, 0\]"),
        (["text.png"], r"be PNG or JPEG images; text\.png cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_refused(own_folder: Path, given: Any, words: str) -> None:
    Path("text.png").write_text("text")
    with pytest.raises(ValueError, match=f"^samples must {words}"):
        Digits().raw_samples(given)


def test_a_truncated_image_is_refused(own_folder: Path) -> None:
    path = sorted(make(number=1).joinpath("cat").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-40])
    with (
        Image.open(path) as image,
        pytest.raises(ValueError, match=r"^samples must be intact images; .* cannot be read"),
    ):
        Digits().raw_samples(image)
