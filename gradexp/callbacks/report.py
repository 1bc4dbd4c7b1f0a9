"""The base class of callbacks that report on a finished fit."""

from lightning.pytorch import Callback

from gradexp.arguments import Checked


class Report(Checked, Callback):
    """Numbers, lines of text and figures, which a subclass fills in at the end of a fit that it applies to.

    Args:
        draw: Whether to publish figures.

    Attributes:
        metrics: Numbers for metrics.json.
        notes: Lines for the summary.
    """

    def __init__(self, draw: bool = True) -> None:
        self.draw = draw
        self.metrics: dict[str, float] = {}
        self.notes: list[str] = []
