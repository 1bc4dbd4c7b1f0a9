"""The user's folder of images: finding, decoding, caching, streaming, and images to predict."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gradexp.data import ImageFolder
from gradexp.data.images.image_folder import StreamedImages
from tests.data.images.pets import make


def set_up(path: str | Path = "pets", **options: Any) -> ImageFolder:
    images = ImageFolder(str(path), **{"image_size": (8, 12), **options})
    images.setup("fit")
    images.setup("test")
    return images


def whole(images: ImageFolder, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    source = images._parts[part]
    return source[torch.arange(len(source))]


def test_parts_have_the_expected_sizes_shapes_and_classes() -> None:
    make()
    images = set_up()
    assert images.sizes() == {"train": 26, "val": 6, "test": 8}
    assert images.classes == ["cat", "dog"]
    assert (images.image_shape, images.num_features) == ((3, 8, 12), 288)
    inputs, targets = whole(images, "train")
    assert inputs.shape == (26, 3, 8, 12)
    # The class is the brightest channel.
    assert torch.equal(inputs.mean((2, 3)).argmax(1), targets)
    assert images.notes == ["data.batch_size 64 is more than 26 training samples: full batches"]


def test_names_that_are_not_utf8_and_links_to_nothing_are_read_or_left_out() -> None:
    folder = make().joinpath("dog").rename(os.fsdecode(b"pets/gro\xdf"))  # in Latin-1
    folder.joinpath("link.png").symlink_to("nowhere")
    folder.joinpath("loop.png").symlink_to("loop.png")
    folder.joinpath("folder.png").mkdir()
    images = set_up()
    assert images.classes == ["cat", "gro\\xdf"]
    assert "left out, cannot be read as images: 3 files" in images.notes[0]
    images.read_samples(folder).frame.write_csv("predictions.csv")
    assert "gro\\xdf/0.jpg" in Path("predictions.csv").read_text()


def test_test_images_do_not_depend_on_the_seed() -> None:
    make()
    first, second = set_up(seed=0), set_up(seed=1)
    assert torch.equal(whole(first, "test")[1], whole(second, "test")[1])
    torch.testing.assert_close(_bytes(first, "test"), _bytes(second, "test"))
    assert not torch.equal(_bytes(first, "val"), _bytes(second, "val"))


def _bytes(images: ImageFolder, part: str) -> torch.Tensor:
    assert images.mean is not None
    assert images.std is not None
    return (whole(images, part)[0] * images.std + images.mean).round()


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_images_to_predict_are_preprocessed_as_in_training(mode: str) -> None:
    # The images are bright at the border: a data set of drawn figures would invert them.
    make(mode=mode)
    for path in Path("pets/cat").iterdir():
        with Image.open(path) as image:
            bright = Image.fromarray(np.asarray(image) // 4 + 190)
        bright.save(path)
    images = set_up()
    fresh = ImageFolder("gone", image_size=(8, 12))
    fresh.load_state_dict(images.state_dict())
    samples = fresh.read_samples(Path("pets/cat"))
    assert len(samples.frame) == 20
    inputs, targets = (torch.cat(both) for both in zip(*(whole(images, p) for p in images.sizes()), strict=True))
    for image in samples.inputs:
        assert (inputs[targets == 0] - image).abs().amax((1, 2, 3)).min() == 0
    assert fresh.classes == ["cat", "dog"]
    assert fresh.image_shape == ((1 if mode == "L" else 3), 8, 12)


@pytest.mark.parametrize("parts", [(), ("train", "test")], ids=["classes", "parts"])
def test_the_folder_of_the_training_is_predicted_with_its_true_classes(parts: tuple[str, ...]) -> None:
    for part in parts or (".",):
        make(f"pets/{part}", number=6)
    images = set_up()
    samples = images.read_samples(Path("pets"))
    files = samples.frame["file"].to_list()
    assert len(files) == len(samples.inputs) == 12 * max(1, len(parts))
    assert samples.truth is not None
    assert samples.truth.to_list() == [Path(file).parent.name for file in files]
    assert samples.notes == ()
    assert images.read_samples(Path("pets", *parts[:1], "cat")).truth is None
    assert images.read_samples(Path(files[0])).truth is None


def test_a_folder_of_another_class_has_no_true_class_and_is_named() -> None:
    images = ImageFolder("pets", image_size=(8, 12))
    make(number=4)
    images.setup("fit")
    make(classes=("bird",), number=1)
    samples = images.read_samples(Path("pets"))
    assert samples.truth is not None
    assert samples.truth.to_list() == [None] + ["cat"] * 4 + ["dog"] * 4
    assert samples.notes == ("folders that are named after no class of the model: bird",)


def test_channels_are_inferred_or_set() -> None:
    make("grey", mode="L")
    make("mixed", ("a",), mode="L")
    make("mixed", ("b",))
    assert set_up("grey").image_shape[0] == 1
    assert set_up("mixed").image_shape[0] == 3
    assert set_up("mixed", channels=1).image_shape[0] == 1
    assert set_up("grey", channels=3).image_shape[0] == 3


@pytest.mark.parametrize("num_workers", [0, 2])
def test_streamed_batches_equal_those_in_memory(num_workers: int) -> None:
    make()
    loaders: list[Any] = []
    for limit in (0.0, 1.0):
        images = set_up(memory_limit=limit, num_workers=num_workers, batch_size=8)
        loaders.append(images.train_dataloader())
    for streamed, in_memory in zip(*loaders, strict=True):
        assert torch.equal(streamed[0], in_memory[0])
        assert torch.equal(streamed[1], in_memory[1])
    assert not isinstance(set_up(memory_limit=1.0).load("train"), StreamedImages)
    assert isinstance(set_up(memory_limit=0.0).load("train"), StreamedImages)


def _forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr("gradexp.data.images.image_folder_cache.read_image", refuse)


def test_images_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    first = whole(set_up(), "train")[0]
    _forbid_decoding(monkeypatch)
    assert torch.equal(whole(set_up(), "train")[0], first)
    for options in ({"image_size": (4, 4)}, {"channels": 1}):
        with pytest.raises(AssertionError, match="decoded again"):
            set_up(**options)


def test_changed_files_are_decoded_again() -> None:
    make()
    before = whole(set_up(), "train")[0]
    for path in Path("pets/cat").iterdir():
        Image.new("RGB", (8, 8), "white").save(path)
    assert not torch.equal(whole(set_up(), "train")[0], before)


def test_damaged_cache_is_ignored() -> None:
    make()
    first = whole(set_up(), "train")[0]
    (cache,) = Path("data/image_folder").glob("*.pt")
    for content in (b"", b"no tensor", cache.read_bytes()[:500]):
        cache.write_bytes(content)
        assert torch.equal(whole(set_up(), "train")[0], first)


def test_what_a_killed_run_left_of_the_cache_is_removed() -> None:
    make()
    left = Path("data/image_folder/.0123456789abcdef.pt.abcdefgh.gradexp~")
    left.parent.mkdir(parents=True)
    left.touch()
    set_up()
    assert not left.exists()


def test_folders_train_and_test_are_parts_and_val_is_added_to_train() -> None:
    make("pets/train")
    make("pets/val", number=5)
    make("pets/test", ("cat", "dog", "fox"), number=3)
    images = set_up()
    assert images.sizes() == {"train": 40, "val": 10, "test": 6}
    assert images.notes[:2] == [
        "the 10 images in val/ are added to the training part, from which the seed draws the validation images",
        "left out, classes without training images: 3 test images (fox)",
    ]


def test_files_that_are_not_images_are_left_out_with_a_note() -> None:
    make()
    Path("pets/cat/0.jpg").write_text("no image")
    whole_file = Path("pets/dog/1.png").read_bytes()
    Path("pets/dog/1.png").write_bytes(whole_file[: len(whole_file) // 2])
    Path("pets/dog/notes.txt").write_text("not looked at")
    images = set_up()
    assert sum(images.sizes().values()) == 38
    assert images.notes[0] == "left out, cannot be read as images: 2 files (cat/0.jpg, dog/1.png)"


def test_truncated_streamed_image_raises_when_it_is_read() -> None:
    path = make() / "cat" / "1.png"
    path.write_bytes(path.read_bytes()[:-100])
    source = StreamedImages([path], torch.zeros(1, dtype=torch.long), (3, 8, 12))
    with pytest.raises(ValueError, match=r"intact images; .*1\.png cannot be read to its end\. Delete it"):
        source[torch.tensor([0])]


def _only(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        Path("pets", name).parent.mkdir(parents=True, exist_ok=True)
        Path("pets", name).write_bytes(content)


def test_folder_with_another_layout_raises() -> None:
    with pytest.raises(ValueError, match=r"there is no pets\."):
        set_up()
    make("petz", number=1)
    with pytest.raises(ValueError, match=r"there is no pets\. Did you mean petz\?"):
        set_up()
    Path("pets").mkdir()
    with pytest.raises(
        ValueError, match=r"one folder a class.*pets has no folder inside\. For example, make pets/cat/"
    ):
        set_up()
    _only({"1.png": b"", "2.png": b""})
    with pytest.raises(ValueError, match=r"pets has 2 images directly inside"):
        set_up()
    _only({"cat/1.png": b"", "dog/1.txt": b""})
    with pytest.raises(ValueError, match=r"images \(\.png, .* in every class folder; pets has none in dog"):
        set_up()
    _only({"dog/1.png": b""})
    with pytest.raises(ValueError, match=r"none of the 2 in pets can, such as cat/1\.png, dog/1\.png"):
        set_up()
    with pytest.raises(ValueError, match=r"1\.png is a file"):
        set_up("pets/1.png")


def test_too_few_images_or_classes_raise() -> None:
    make("one", ("cat",))
    with pytest.raises(ValueError, match=r"at least two classes, one folder each.*one has cat only"):
        set_up("one")
    make("few", number=2)
    with pytest.raises(ValueError, match=r"at least 5 images .*few leaves 3 to train and validate on"):
        set_up("few")
    make()
    with pytest.raises(ValueError, match=r"data\.test_size must leave 4 images .*at most 36 of the 40; got 39"):
        set_up(test_size=39)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": None}, "path must be the file or folder of your data: data.path=PATH; got null"),
        ({"image_size": 8}, "image_size must be a pair [height, width] of whole numbers of at least 1; got 8"),
        ({"image_size": [8, 0]}, "image_size must be a pair"),
        ({"channels": 2}, "channels must be 1 (grey) or 3 (colour), or null; got 2"),
        ({"test_size": 1.5}, "test_size must be a whole number of samples (0 for none) or a fraction"),
    ],
)
def test_invalid_arguments_raise_with_their_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="must be") as error:
        ImageFolder(**{"path": "pets", **options})
    assert words in str(error.value)


def test_resuming_with_other_classes_raises() -> None:
    make()
    make("others", ("cat", "fox"))
    state = set_up().state_dict()
    with pytest.raises(ValueError, match=r"data\.path must hold the classes .* cat, dog; others has cat, fox"):
        set_up("others").load_state_dict(state)


@pytest.mark.parametrize("memory_limit", [2.0, 0.0])
def test_test_images_are_described_by_their_files(memory_limit: float) -> None:
    make()
    images = set_up(memory_limit=memory_limit)
    assert images.raw_test is not None
    files = images.describe(images.raw_test)["file"].to_list()
    assert [Path(file).parts[0] for file in files] == [images.classes[n] for n in images.raw_test.targets.tolist()]
    assert all((Path("pets") / file).is_file() for file in files)
