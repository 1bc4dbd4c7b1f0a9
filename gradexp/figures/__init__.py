"""Figures: numbers in, a matplotlib Figure out."""

from gradexp.figures.basins import basin_map
from gradexp.figures.classification import accuracy_and_loss, confusion_matrix, decision_boundary
from gradexp.figures.contours import panels_of_paths, paths_over_contours
from gradexp.figures.curves import cost_comparison, loss_curve, range_test
from gradexp.figures.derivatives import Curve, directional_derivatives, functions_and_derivatives
from gradexp.figures.images import image_grid, weight_images
from gradexp.figures.panels import Array
from gradexp.figures.regression import (
    coefficients,
    fitted_lines,
    loss_along_weight,
    predicted_against_true,
    resampled_fits,
)
from gradexp.figures.surface import surface_3d

__all__ = [
    "Array",
    "Curve",
    "accuracy_and_loss",
    "basin_map",
    "coefficients",
    "confusion_matrix",
    "cost_comparison",
    "decision_boundary",
    "directional_derivatives",
    "fitted_lines",
    "functions_and_derivatives",
    "image_grid",
    "loss_along_weight",
    "loss_curve",
    "panels_of_paths",
    "paths_over_contours",
    "predicted_against_true",
    "range_test",
    "resampled_fits",
    "surface_3d",
    "weight_images",
]
