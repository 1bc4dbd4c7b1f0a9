"""What a fit has shown, said at its end."""

from lightning.pytorch import Callback

from gradexp.arguments import Checked


class Report(Checked, Callback):
    """Numbers, lines for people, and figures; a sub-class finds them at the end of a fit, where it applies.

    Args:
        draw: Publish figures.

    Attributes:
        metrics: Numbers for metrics.json.
        notes: Lines for the summary.
    """

    def __init__(self, draw: bool = True) -> None:
        self.draw = draw
        self.metrics: dict[str, float] = {}
        self.notes: list[str] = []
