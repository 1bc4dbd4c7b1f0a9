"""The parameters of a model that has few of them, logged as scalars."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gradexp.engine.interval import Interval, log_at_step
from gradexp.engine.scalar_tags import of_weights
from gradexp.engine.step_callback import StepCallback
from gradexp.objective.weights import NamedParameters

MAX_NUMBERS = 12


class ParameterScalars(StepCallback):
    """Logs ``weights/parameter/NAME`` every `log_every_n_steps` steps, one scalar per number, if at most 12."""

    def __init__(self) -> None:
        self._interval: Interval | None = None

    @staticmethod
    def applies(pl_module: LightningModule) -> bool:
        """Whether the model has few enough parameters."""
        return sum(parameter.numel() for parameter in pl_module.parameters()) <= MAX_NUMBERS

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.applies(pl_module):
            self._interval = Interval.between_logs(trainer)

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if self._interval is None or not self._interval.is_over(trainer.global_step):
            return
        log_at_step(trainer, scalars(pl_module.named_parameters()))


def scalars(parameters: NamedParameters) -> dict[str, float]:
    """The numbers of a model's parameters, by their tags."""
    values: dict[str, float] = {}
    for name, parameter in parameters:
        tag, numbers = f"parameter/{name.removeprefix('network.')}", parameter.detach().flatten().tolist()
        values |= {tag: numbers[0]} if len(numbers) == 1 else {f"{tag}/{n}": v for n, v in enumerate(numbers)}
    return of_weights(values)
