"""Events every n steps, and the step that they are logged at."""

from collections.abc import Mapping
from typing import Any


class Interval:
    """Tells when the number of steps has reached or passed a multiple of `length`.

    Args:
        length: Steps between two events; 0 for none.
        done: Steps done so far.
    """

    def __init__(self, length: int, done: int = 0) -> None:
        self.length = length or 2**62
        self.start(done)

    @classmethod
    def between_logs(cls, trainer: Any) -> "Interval":
        """An interval of `log_every_n_steps` steps, from the fit's current step."""
        return cls(trainer.log_every_n_steps, trainer.global_step)

    def start(self, done: int) -> None:
        """Start counting `done` steps into the fit."""
        self._last = done // self.length

    def is_over(self, done: int) -> bool:
        """Whether a multiple was reached since the last call; true once for each."""
        before, self._last = self._last, done // self.length
        return self._last != before


def log_at_step(fit: Any, values: Mapping[str, Any]) -> None:
    """Log to all loggers of a trainer, or of its module, at the number of steps done.

    Lightning's own step number is off by one after each resume.
    """
    for logger in fit.loggers:
        logger.log_metrics(dict(values), step=fit.global_step)
