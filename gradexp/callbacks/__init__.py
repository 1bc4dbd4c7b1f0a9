"""Callbacks for any lightning.Trainer, one a file."""

from gradexp.callbacks.cost_curve import CostCurve
from gradexp.callbacks.diagnostics import Diagnostics
from gradexp.callbacks.divergence import Diverged, Divergence
from gradexp.callbacks.loss_curve import LossCurve
from gradexp.callbacks.model_graph import ModelGraph
from gradexp.callbacks.parameter_scalars import ParameterScalars
from gradexp.callbacks.progress import RichBar
from gradexp.callbacks.report import Report
from gradexp.callbacks.sparsity import Sparsity
from gradexp.callbacks.time_to_target import TimeToTarget
from gradexp.reports.accuracy_and_loss import AccuracyAndLoss
from gradexp.reports.classifier_figures import ClassifierFigures
from gradexp.reports.decision_boundary import DecisionBoundary
from gradexp.reports.descent_report import DescentReport
from gradexp.reports.least_squares_report import LeastSquaresReport
from gradexp.reports.perceptron_bound import PerceptronBound
from gradexp.reports.regression_figures import RegressionFigures

__all__ = [
    "AccuracyAndLoss",
    "ClassifierFigures",
    "CostCurve",
    "DecisionBoundary",
    "DescentReport",
    "Diagnostics",
    "Diverged",
    "Divergence",
    "LeastSquaresReport",
    "LossCurve",
    "ModelGraph",
    "ParameterScalars",
    "PerceptronBound",
    "RegressionFigures",
    "Report",
    "RichBar",
    "Sparsity",
    "TimeToTarget",
]
