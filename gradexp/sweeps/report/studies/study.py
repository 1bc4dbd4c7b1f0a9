"""The result of a study."""

import re
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


def in_words(target: object) -> str:
    """The name of a class as words: `MLP classifier` of gradexp.models.MLPClassifier."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", str(target).rpartition(".")[2])
    return " ".join(word if word.isupper() else word.lower() for word in words)
