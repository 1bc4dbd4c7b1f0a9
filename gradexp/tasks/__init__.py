"""The tasks, one a file: each takes a configuration, the run's record and a console, and gives an Outcome."""

from collections.abc import Callable

from omegaconf import DictConfig
from rich.console import Console

from gradexp.run_record import RunRecord
from gradexp.tasks.audit import audit
from gradexp.tasks.bias_variance import bias_variance
from gradexp.tasks.explain import explain
from gradexp.tasks.outcome import Outcome
from gradexp.tasks.predict import predict
from gradexp.tasks.test import test
from gradexp.tasks.train import train

__all__ = ["TASKS", "Outcome"]

TASKS: dict[str, Callable[[DictConfig, RunRecord, Console], Outcome]] = {
    "train": train,
    "test": test,
    "predict": predict,
    "audit": audit,
    "bias_variance": bias_variance,
    "explain": explain,
}
