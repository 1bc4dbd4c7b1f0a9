"""Random geometric transformations, drawn separately for each image of a batch."""

from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from gradexp.arguments import checked
from gradexp.rules import FINITE, FRACTION, NON_NEGATIVE, SCALE, SHEAR, at_least


class RandomGeometry(v2.Transform):  # type: ignore[misc]  # torchvision ships no types
    """Rotate, translate, scale, shear and elastically deform each image of a batch by random amounts of its own.

    `v2.RandomAffine` draws one transformation for the whole tensor; here each image has its own, in one bilinear
    resampling of the batch. The affine part equals `v2.functional.affine` of each image. The elastic part displaces a
    coarse grid of control points and interpolates between them bicubically (Ronneberger et al. 2015, U-Net, section
    3.1).

    Args:
        degrees: Rotation, uniform in [-degrees, degrees].
        translate: Shift along each axis, uniform in [-translate, translate], as a fraction of the image's side.
        scale: Smallest and largest scaling factor.
        shear: Shear parallel to the x axis in degrees, uniform in [-shear, shear].
        elastic: Standard deviation of the control points' displacement, in pixels.
        elastic_grid: Control points along each axis.
        fill: Value of the pixels that move in from outside the image.
    """

    @checked
    def __init__(
        self,
        degrees: Annotated[float, NON_NEGATIVE] = 0.0,
        translate: Annotated[float, FRACTION] = 0.0,
        scale: Annotated[tuple[float, float], SCALE] = (1.0, 1.0),
        shear: Annotated[float, SHEAR] = 0.0,
        elastic: Annotated[float, NON_NEGATIVE] = 0.0,
        elastic_grid: Annotated[int, at_least(2)] = 4,
        fill: Annotated[float, FINITE] = 0.0,
    ) -> None:
        super().__init__()
        self.degrees = degrees
        self.translate = translate
        self.smallest, self.largest = scale
        self.shear = shear
        self.elastic = elastic
        self.elastic_grid = elastic_grid
        self.fill = fill

    # Each image has its own entry in what make_params draws, and transform needs no more: see StackedAugmentation.
    draws_per_sample: ClassVar[bool] = True

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the parameters of each image of the batch [batch, channels, height, width]."""
        images = flat_inputs[0]
        n, device = len(images), images.device

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return torch.empty(n, *shape, device=device).uniform_(low, high)

        return {
            "angle": uniform(-self.degrees, self.degrees),
            "shift": uniform(-self.translate, self.translate, 2),
            "scale": uniform(self.smallest, self.largest),
            "shear": uniform(-self.shear, self.shear),
            "control_points": self.elastic * torch.randn(n, 2, self.elastic_grid, self.elastic_grid, device=device)
            if self.elastic
            else None,
            "fill": torch.full((n, 1, 1, 1), self.fill, device=device),
        }

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        """Resample images [batch, channels, height, width] by the parameters from `make_params`."""
        height, width = inpt.shape[-2:]
        angle, shear = params["angle"].deg2rad(), params["shear"].deg2rad()
        cos, sin, tan, scale = angle.cos(), angle.sin(), shear.tan(), params["scale"]
        # Rotation @ shear, scaled, maps input to output positions. Resampling needs its inverse, here in closed form
        # (the determinant of rotation @ shear is 1), in grid_sample's units: half a side is 1 on both axes.
        aspect = height / width
        inverse = torch.stack(
            [cos - sin * tan, (sin + cos * tan) * aspect, -sin / aspect, cos],
            dim=-1,
        ).reshape(-1, 2, 2) / scale.reshape(-1, 1, 1)
        offset = inverse @ (-2 * params["shift"]).unsqueeze(-1)
        grid = F.affine_grid(torch.cat([inverse, offset], dim=-1), list(inpt.shape), align_corners=False)
        if params["control_points"] is not None:
            bend = F.interpolate(params["control_points"], (height, width), mode="bicubic", align_corners=True)
            grid = grid + bend.permute(0, 2, 3, 1) * torch.tensor([2 / width, 2 / height], device=inpt.device)
        # grid_sample pads with zeros, so the fill value is mapped to zero and back.
        fill: Tensor = params["fill"]
        return F.grid_sample(inpt - fill, grid, mode="bilinear", align_corners=False) + fill
