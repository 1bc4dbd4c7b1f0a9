"""Images read from files and converted to the shape of the data."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradexp.data.images.image_files import classes_by_folder, find_images, image_paths, read_image
from tests.data.tiny import Bytes, random_images

GREY = (1, 28, 28)


def read(path: Path, shape: tuple[int, int, int] = GREY, white: int = 255) -> Bytes:
    image = read_image(path, shape, white)
    assert image.shape == (1, *shape)
    pixels: Bytes = image[0].numpy()
    return pixels


def save(image: Image.Image, name: str) -> Path:
    image.save(name)
    return Path(name).absolute()


def figure() -> Bytes:
    """A bright bar in the upper left of a black image."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:16, 6:9] = 200
    return pixels


def test_dark_png_of_the_right_size_is_unchanged() -> None:
    (image,) = random_images(1)
    np.testing.assert_array_equal(read(save(Image.fromarray(image), "dark.png"))[0], image)


def test_image_with_a_bright_border_is_inverted() -> None:
    np.testing.assert_array_equal(read(save(Image.fromarray(255 - figure()), "ink.png"))[0], figure())


@pytest.mark.parametrize("bright", [False, True])
def test_jpeg_is_read_up_to_compression_errors(bright: bool) -> None:
    pixels = 255 - figure() if bright else figure()
    Image.fromarray(pixels).save("figure.jpg", quality=100)
    np.testing.assert_allclose(read(Path("figure.jpg"))[0].astype(int), figure().astype(int), atol=8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_every_mode_of_a_file_gives_the_same_image(mode: str) -> None:
    np.testing.assert_array_equal(read(save(Image.fromarray(figure()).convert(mode), "figure.png"))[0], figure())


def test_16_bit_images_are_scaled() -> None:
    path = save(Image.fromarray(figure().astype(np.uint16) * 257), "deep.png")
    np.testing.assert_array_equal(read(path)[0], figure())


def test_transparent_pixels_become_white() -> None:
    # All pixels are black; only the opacity differs.
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[..., 3] = figure()
    np.testing.assert_array_equal(read(save(Image.fromarray(pixels), "ink.png"))[0], figure())


def test_colour_image_keeps_its_colours() -> None:
    pixels = np.stack([figure(), np.full_like(figure(), 255), figure() // 2], axis=-1)
    image = read(save(Image.fromarray(pixels), "colour.png"), (3, 28, 28))
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(("width", "height"), [(56, 28), (28, 56), (14, 7), (100, 300), (28, 28), (3, 999)])
def test_other_sizes_keep_their_aspect_ratio_and_are_centred(width: int, height: int) -> None:
    # The grey is dark, so that the image is not inverted; padding is black.
    image = read(save(Image.new("L", (width, height), 100), "grey.png"))[0]
    scale = 28 / max(width, height)
    expected = np.zeros((28, 28), np.uint8)
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (28 - columns) // 2, (28 - rows) // 2
    expected[top : top + rows, left : left + columns] = 100
    np.testing.assert_array_equal(image, expected)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(figure()).save("turned.png", exif=exif)
    np.testing.assert_array_equal(read(Path("turned.png"))[0], np.rot90(figure(), -1))


def test_full_brightness_becomes_the_white_of_the_data() -> None:
    greys = np.zeros((28, 28), np.uint8)
    greys[10, 5:22] = np.round(np.arange(17) * 255 / 16)
    np.testing.assert_array_equal(read(save(Image.fromarray(greys), "greys.png"), white=16)[0, 10, 5:22], np.arange(17))


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_not_an_image_raises(content: bytes) -> None:
    path = Path("notes.png")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.png cannot be read"):
        read_image(path, GREY)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_image_raises(form: str, kept: float) -> None:
    file = io.BytesIO()
    Image.fromarray(random_images(1)[0]).save(file, form)
    path = Path("half.img")
    path.write_bytes(file.getvalue()[: int(kept * len(file.getvalue()))])
    with pytest.raises(ValueError, match=r"half\.img cannot be read"):
        read_image(path, GREY)


def test_png_with_a_short_header_raises() -> None:
    chunk = b"IHDR" + b"\0" * 8
    short = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path = Path("short.png")
    path.write_bytes(short)
    with pytest.raises(ValueError, match=r"short\.png cannot be read"):
        read_image(path, GREY)


def test_images_in_a_folder_are_sorted_by_name() -> None:
    for name in ("b.png", "a.JPG", "c.jpeg", "notes.txt", "d.gif"):
        Path(name).touch()
    assert [path.name for path in image_paths(Path())] == ["a.JPG", "b.png", "c.jpeg"]
    assert image_paths(Path("notes.txt")) == [Path("notes.txt")]


def test_images_below_a_folder_are_found_and_hidden_ones_are_not() -> None:
    for name in ("b/2.png", "a/sub/1.png", "3.png", ".thumbs/4.png", "a/__MACOSX/5.png", "a/.6.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    training, _, _ = find_images(Path())
    assert training == [(Path("a/sub/1.png"), "a"), (Path("b/2.png"), "b")]
    Path("a/7.png").mkdir()
    paths = image_paths(Path())
    assert list(map(str, paths)) == ["3.png", "a/sub/1.png", "b/2.png"]
    assert classes_by_folder(paths, Path(), ["b", "sub"]) == ([None, "sub", "b"], [])
    assert classes_by_folder(paths, Path(), ["a", "sub"]) == ([None, "a", None], ["b"])


def test_folder_without_images_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.jpg, \.jpeg") as error:
        image_paths(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_missing_path_raises() -> None:
    with pytest.raises(ValueError, match=r"there is no elsewhere"):
        image_paths(Path("elsewhere"))


def test_a_program_in_an_image_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow goes by the content, and gives EPS to Ghostscript."""
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *arguments, **options: pytest.fail("it was run"))
    path = tmp_path / "image.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) run\n%%EOF\n")
    with pytest.raises(ValueError, match=r"input must be PNG or JPEG images; .*image\.png cannot be read as one"):
        read_image(path, (1, 8, 8))
