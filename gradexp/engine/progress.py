"""How far a fit has come, counted in single batches; Lightning counts groups of them."""

from dataclasses import dataclass

from gradexp.engine.accumulation import Accumulation


@dataclass
class Progress:
    """Counts batches of a fit and of its current epoch.

    A plain object, because assigning an attribute of an nn.Module takes twenty times as long.

    Attributes:
        batches: Batches begun in the whole fit, including the parts before a resume.
        epoch: The current epoch.
        of_epoch: Batches begun in that epoch.
        steps: Optimizer steps before the resume.
        has_logged: Whether `self.log` was called in the current batch.
        goes_to_loggers: Whether any call so far logs to the loggers; Lightning repeats its value at every log.
    """

    batches: int = 0
    epoch: int = 0
    of_epoch: int = 0
    steps: int = 0
    has_logged: bool = False
    goes_to_loggers: bool = False

    def begin_batch(self) -> None:
        self.batches += 1
        self.of_epoch += 1
        self.has_logged = False

    def batch_of_last_step(self, accumulation: Accumulation, max_steps: int, batches: int) -> int:
        """The batch, from 1 to `batches` within its epoch, at which `max_steps` ends the fit; 0 if it does not."""
        remaining = max_steps - self.steps
        if max_steps < 0 or remaining < 1:
            return 0
        if self.of_epoch >= batches:  # between two epochs
            return accumulation.batch_of_step(remaining, batches, self.epoch + 1)
        return accumulation.batch_of_step(remaining, batches, self.epoch, self.of_epoch)
