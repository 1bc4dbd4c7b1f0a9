"""Callbacks for any lightning.Trainer, one per file."""

from gradexp.callbacks.cost_curve import CostCurve
from gradexp.callbacks.diagnostics import Diagnostics
from gradexp.callbacks.divergence import Diverged, Divergence
from gradexp.callbacks.loss_curve import LossCurve
from gradexp.callbacks.model_graph import ModelGraph
from gradexp.callbacks.optimality import Optimality
from gradexp.callbacks.parameter_scalars import ParameterScalars
from gradexp.callbacks.progress_bar import RichBar
from gradexp.callbacks.range_test import RangeTest
from gradexp.callbacks.report import Report
from gradexp.callbacks.sparsity import Sparsity
from gradexp.callbacks.time_to_target import TimeToTarget

__all__ = [
    "CostCurve",
    "Diagnostics",
    "Diverged",
    "Divergence",
    "LossCurve",
    "ModelGraph",
    "Optimality",
    "ParameterScalars",
    "RangeTest",
    "Report",
    "RichBar",
    "Sparsity",
    "TimeToTarget",
]
