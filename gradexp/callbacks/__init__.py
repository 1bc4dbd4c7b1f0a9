"""Callbacks for any lightning.Trainer, one a file."""

from gradexp.callbacks.checkpoints import Checkpoints
from gradexp.callbacks.classifier_figures import ClassifierFigures
from gradexp.callbacks.divergence import Diverged, Divergence
from gradexp.callbacks.fit_clock import FitClock
from gradexp.callbacks.progress import RichBar
from gradexp.callbacks.step_seed import StepSeed

__all__ = ["Checkpoints", "ClassifierFigures", "Diverged", "Divergence", "FitClock", "RichBar", "StepSeed"]
