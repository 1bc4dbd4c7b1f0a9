"""The tasks, one a file: each takes a configuration, the run's record and a console, and returns an Outcome."""

from collections.abc import Callable

from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.audit import audit
from gradexp.app.tasks.bias_variance import bias_variance
from gradexp.app.tasks.compare import compare
from gradexp.app.tasks.explain import explain
from gradexp.app.tasks.export import export
from gradexp.app.tasks.outcome import Outcome
from gradexp.app.tasks.predict import predict
from gradexp.app.tasks.test import test
from gradexp.app.tasks.train import train

__all__ = ["TASKS", "Outcome"]

TASKS: dict[str, Callable[[DictConfig, RunRecord, Console], Outcome]] = {
    "train": train,
    "test": test,
    "predict": predict,
    "export": export,
    "audit": audit,
    "bias_variance": bias_variance,
    "compare": compare,
    "explain": explain,
}
