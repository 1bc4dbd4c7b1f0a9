"""Figures: numbers in, a matplotlib Figure out."""

from gradexp.figures.array import Array
from gradexp.figures.basins import basin_map
from gradexp.figures.bias_variance import resampled_fits
from gradexp.figures.classification import accuracy_and_loss, decision_boundary
from gradexp.figures.confusion import confusion_matrix
from gradexp.figures.contours import panels_of_paths, paths_over_contours
from gradexp.figures.curves import cost_comparison, loss_curve
from gradexp.figures.derivatives import Curve, directional_derivatives, functions_and_derivatives
from gradexp.figures.images import image_grid, weight_images
from gradexp.figures.regression import coefficients, fitted_lines, loss_along_weight, predicted_against_true
from gradexp.figures.surface import surface_3d
from gradexp.figures.sweep import (
    best_and_median_curves,
    importance,
    learning_rate_sensitivity,
    penalty_map,
    time_and_score,
)

__all__ = [
    "Array",
    "Curve",
    "accuracy_and_loss",
    "basin_map",
    "best_and_median_curves",
    "coefficients",
    "confusion_matrix",
    "cost_comparison",
    "decision_boundary",
    "directional_derivatives",
    "fitted_lines",
    "functions_and_derivatives",
    "image_grid",
    "importance",
    "learning_rate_sensitivity",
    "loss_along_weight",
    "loss_curve",
    "panels_of_paths",
    "paths_over_contours",
    "penalty_map",
    "predicted_against_true",
    "resampled_fits",
    "surface_3d",
    "time_and_score",
    "weight_images",
]
