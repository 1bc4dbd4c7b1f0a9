"""Results of a fit, in numbers and figures; exported are callbacks for gradexp's own models.

They are imported on first use, because the diagnosis of a finished run needs no torch. Callbacks for any
lightning.Trainer are in gradexp.callbacks.
"""

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    "DecisionBoundary",
    "DescentReport",
    "LeastSquaresReport",
    "PerceptronBound",
    "RegressionFigures",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    file = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return getattr(import_module(f"{__name__}.{file}"), name)
