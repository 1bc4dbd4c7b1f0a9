"""RandomGeometry, compared with torchvision's transform of a single image."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from gradexp.data.images.augmentation import RandomGeometry


def parameters(number: int, **changes: Tensor | None) -> dict[str, Tensor | None]:
    """Parameters of the identity, with `changes`."""
    identity: dict[str, Tensor | None] = {
        "angle": torch.zeros(number),
        "shift": torch.zeros(number, 2),
        "scale": torch.ones(number),
        "shear": torch.zeros(number),
        "control_points": None,
        "fill": torch.zeros(number, 1, 1, 1),
    }
    return identity | changes


@pytest.mark.parametrize("fill", [0.0, -0.4])
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 28, 28), (3, 20, 31), (1, 33, 12)])
def test_affine_part_equals_torchvision_for_each_image(channels: int, height: int, width: int, fill: float) -> None:
    torch.manual_seed(0)
    images = torch.rand(12, channels, height, width)
    pixels = torch.randint(-6, 7, (12, 2))
    angles, scales, shears = (torch.empty(12).uniform_(*ends) for ends in ((-180, 180), (0.6, 1.7), (-40, 40)))
    shifts, fills = pixels / torch.tensor([width, height]), torch.full((12, 1, 1, 1), fill)
    params = parameters(12, angle=angles, shift=shifts, scale=scales, shear=shears, fill=fills)
    # Without torchvision's fill, which applies its mask twice and thereby darkens the border of the image.
    expected = [
        reference.affine(
            image - fill,
            angle=float(angle),
            translate=shift.tolist(),
            scale=float(scale),
            shear=[float(shear), 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        for image, angle, shift, scale, shear in zip(images, angles, pixels, scales, shears, strict=True)
    ]
    torch.testing.assert_close(
        RandomGeometry().transform(images, params), torch.stack(expected) + fill, rtol=0, atol=2e-5
    )


def test_default_arguments_leave_images_unchanged() -> None:
    images = torch.rand(5, 3, 20, 31)
    torch.testing.assert_close(RandomGeometry()(images), images, rtol=0, atol=1e-5)


def test_pixels_from_outside_the_image_have_the_fill_value() -> None:
    images = torch.rand(1, 1, 8, 10)
    fill = RandomGeometry(fill=-3.0).make_params([images])["fill"]
    moved = RandomGeometry().transform(images, parameters(1, shift=torch.tensor([[0.4, 0.25]]), fill=fill))
    # 0.4 of 10 pixels to the right, 0.25 of 8 down.
    torch.testing.assert_close(moved[..., 2:, 4:], images[..., :6, :6], rtol=0, atol=1e-5)
    assert torch.allclose(moved[..., :2, :], torch.tensor(-3.0))
    assert torch.allclose(moved[..., :4], torch.tensor(-3.0))


def test_each_image_of_a_batch_is_transformed_differently() -> None:
    images = torch.rand(1, 1, 28, 28).expand(16, -1, -1, -1)
    for change in ({"degrees": 30.0}, {"translate": 0.3}, {"scale": (0.5, 2.0)}, {"shear": 30.0}, {"elastic": 2.0}):
        options: dict[str, Any] = change
        changed = RandomGeometry(**options)(images)
        distances = torch.cdist(changed.flatten(1), changed.flatten(1)) + torch.eye(16)
        assert distances.min() > 1e-3, change


def test_parameters_are_uniform_in_their_ranges() -> None:
    torch.manual_seed(0)
    geometry = RandomGeometry(degrees=10, translate=0.2, scale=(0.8, 1.1), shear=5)
    params = geometry.make_params([torch.zeros(4000, 1, 2, 2)])
    for name, low, high in (("angle", -10, 10), ("shift", -0.2, 0.2), ("scale", 0.8, 1.1), ("shear", -5, 5)):
        drawn = params[name]
        assert low <= drawn.min() <= low + 0.01 * (high - low), name
        assert high - 0.01 * (high - low) <= drawn.max() <= high, name
        # The mean of 4000 uniform draws: its standard deviation is (high - low) / sqrt(12 * 4000).
        assert abs(drawn.mean().item() - (low + high) / 2) < 5 * (high - low) / (12 * 4000) ** 0.5, name


def test_equal_control_points_translate_the_image() -> None:
    images = torch.rand(2, 1, 9, 14)
    # x comes first: each pixel is read 3 pixels to the right and 2 below.
    points = torch.tensor([3.0, 2.0]).reshape(1, 2, 1, 1).expand(2, 2, 4, 4)
    moved = RandomGeometry(elastic=1.0).transform(images, parameters(2, control_points=points))
    torch.testing.assert_close(moved[..., :7, :11], images[..., 2:, 3:], rtol=0, atol=1e-5)


def test_elastic_displacement_is_in_pixels() -> None:
    torch.manual_seed(0)
    points = RandomGeometry(elastic=2.5, elastic_grid=3).make_params([torch.zeros(2000, 1, 28, 28)])["control_points"]
    assert points.shape == (2000, 2, 3, 3)
    assert points.std().item() == pytest.approx(2.5, rel=0.02)


def test_elastic_deformation_bends_straight_lines() -> None:
    torch.manual_seed(0)
    lines = torch.zeros(4, 1, 28, 28)
    lines[:, :, :, 14] = 1
    bent = RandomGeometry(elastic=2.0)(lines)
    assert bent.shape == lines.shape
    columns = torch.arange(28.0)
    centres = (bent * columns).sum(-1) / bent.sum(-1)
    # The second differences of the centres are zero for a straight line of any slope.
    assert centres[..., 4:-4].diff(n=2).abs().amax(-1).min() > 0.05


def test_draws_depend_on_the_torch_seed() -> None:
    geometry, images = RandomGeometry(degrees=20, elastic=1.0), torch.rand(3, 1, 28, 28)
    draws = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        draws.append(geometry(images))
    assert torch.equal(draws[0], draws[1])
    assert not torch.allclose(draws[0], draws[2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("degrees", -1),
        ("degrees", float("nan")),
        ("translate", 1.0),
        ("translate", -0.1),
        ("scale", (1.1, 0.9)),
        ("scale", (0.0, 1.0)),
        ("scale", (0.9, 1.0, 1.1)),
        ("scale", 1.2),
        ("shear", 90),
        ("elastic", -0.5),
        ("elastic_grid", 1),
        ("elastic_grid", 2.5),
        ("fill", float("nan")),
    ],
)
def test_invalid_arguments_raise_with_their_name(name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} must be") as error:
        RandomGeometry(**options)
    assert f"got {value!r}" in str(error.value)
