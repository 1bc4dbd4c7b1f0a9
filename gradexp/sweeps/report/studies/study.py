"""The result of a study."""

from dataclasses import dataclass, field

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Study:
    """What the jobs of an experiment show together.

    Attributes:
        figures: By name, for TensorBoard, ``figures/`` and the report.
        lines: Conclusions, for the terminal and the report.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
