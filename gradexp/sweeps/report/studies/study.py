"""What a study is."""

from dataclasses import dataclass, field

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Study:
    """What the jobs of an experiment show when they are seen together.

    Attributes:
        figures: By name, for TensorBoard, ``figures/`` and the report.
        lines: What they come to, for the terminal and the report.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
