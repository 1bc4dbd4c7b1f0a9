"""Early stopping by a score for each validation, with which a search cuts bad trials short."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor


class ThresholdStopping(EarlyStopping):
    """Ends a fit where its best score so far is worse than the threshold of this validation.

    Args:
        monitor: The metric.
        thresholds: A score for each validation; after the last one the fit goes on.
        options: Of EarlyStopping, whose rule also holds.
    """

    def __init__(self, monitor: str, thresholds: Sequence[float], **options: Any) -> None:
        super().__init__(monitor, **options)
        self.thresholds = list(thresholds)
        self.validations = 0
        self.best: float | None = None  # best_score leaves improvements below min_delta out

    def _evaluate_stopping_criteria(self, current: Tensor) -> tuple[bool, str | None]:
        stops, reason = super()._evaluate_stopping_criteria(current)
        place, self.validations = self.validations, self.validations + 1
        score, better = float(current), max if self.mode == "max" else min
        self.best = score if self.best is None else better(self.best, score)
        if stops or place >= len(self.thresholds):
            return stops, reason
        threshold = self.thresholds[place]
        if self.best != threshold == better(self.best, threshold):
            return True, f"The best {self.monitor}, {self.best:.4g}, is worse than the threshold, {threshold:.4g}."
        return False, reason

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "validations": self.validations, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.validations, self.best = state_dict["validations"], state_dict["best"]
