"""When to do what is done every so many steps."""

from typing import Any


class Interval:
    """Tells when steps have crossed a multiple of `length`: every `length` steps, where they come one by one.

    Args:
        length: Steps between two events; 0 for no event ever.
        done: Steps done already.
    """

    def __init__(self, length: int, done: int = 0) -> None:
        self.length = length or 2**62
        self.start(done)

    @classmethod
    def between_logs(cls, trainer: Any) -> "Interval":
        """`log_every_n_steps` steps, from where the fit is."""
        return cls(trainer.log_every_n_steps, trainer.global_step)

    def start(self, done: int) -> None:
        """Begin to count, `done` steps into the fit."""
        self._last = done // self.length

    def is_over(self, done: int) -> bool:
        """Whether a multiple was reached since it last was; asking again says no."""
        before, self._last = self._last, done // self.length
        return self._last != before
