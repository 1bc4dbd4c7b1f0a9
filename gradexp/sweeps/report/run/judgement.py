"""What the predictions of a run say about it: confusion, calibration, residuals, the samples that are most wrong."""

import io
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from PIL import Image

from gradexp.figures import confusion_matrix
from gradexp.reports.calibration import BINS, calibration
from gradexp.reports.examination import MOST_SAMPLES, Array, Examination
from gradexp.rules.words import counted
from gradexp.sweeps.report.page_parts import Shown, in_base64, number
from gradexp.sweeps.report.run import drawn_run, run_figures

PARTS = {"val": "validation", "test": "test"}
MOST_COLUMNS = 30  # of a table
NUMBER = re.compile(r"(-?[\d.]+(e[-+]\d+)?%?|nan|-?inf)?")  # as the page writes it
IMAGE = 4  # dimensions of images [samples, channels, height, width]


@dataclass(frozen=True)
class Table:
    """A table of the page: its title, its columns, and its rows as text."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    @property
    def texts(self) -> list[str]:
        """The columns that have anything else than numbers."""
        columns = zip(self.columns, *self.rows, strict=True)
        return [name for name, *cells in columns if not all(map(NUMBER.fullmatch, cells))]


@dataclass
class Judgement:
    """What the page shows of the predictions.

    Attributes:
        title: Of which part the samples are.
        lines: What the numbers say.
        figures: By the id of their element.
        panels: Title, caption and files for papers of each figure.
        tables: The classes, or the samples that are most wrong.
        pictures: The images that are most wrong, as PNG in base64, each with the words below it.
        picture_links: The files for papers of these images.
    """

    title: str
    lines: list[str] = field(default_factory=list)
    figures: dict[str, go.Figure] = field(default_factory=dict)
    panels: list[Shown] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    picture_links: list[dict[str, str]] = field(default_factory=list)

    def add(self, key: str, figure: go.Figure, drawn: Figure, title: str, caption: str) -> None:
        self.figures[key] = figure
        self.panels.append(Shown(key, title, caption, drawn_run.links(key, drawn)))


def judge(found: Examination) -> Judgement:
    """The figures, tables and images of an examination."""
    samples = len(found.targets)
    some = "the first " if samples >= MOST_SAMPLES else ""
    shown = Judgement(f"On {some}{counted(samples, f'{PARTS[found.part]} sample')}")
    if found.classes:
        _of_classes(found, shown)
    else:
        _of_numbers(found, shown)
    return shown


def _of_classes(found: Examination, shown: Judgement) -> None:
    n, predicted = len(found.classes), found.outputs.argmax(axis=1)
    counts = np.bincount(found.targets * n + predicted, minlength=n * n).reshape(n, n)
    reliable = calibration(found.outputs, found.targets)
    wrong = int(counts.sum() - np.trace(counts))
    are = f"{counted(len(found.targets), 'sample')} {'is' if wrong == 1 else 'are'}"
    shown.lines.append(f"{wrong:,} of {are} wrong: accuracy {1 - wrong / len(found.targets):.2%}.")
    shown.add(
        "confusion",
        run_figures.confusion(counts, found.classes),
        confusion_matrix(counts, found.classes),
        "Confusion matrix",
        "Samples by true class (rows) and predicted class (columns); colors show the share of a row.",
    )
    gap = float(found.outputs.max(axis=1).mean() - np.trace(counts) / counts.sum())
    side = "above" if gap > 0 else "below"
    shown.add(
        "reliability",
        run_figures.reliability(reliable),
        drawn_run.reliability(reliable),
        "Calibration",
        f"Expected calibration error {reliable.error:.4f}, in {BINS} bins of equal width. Below the diagonal the model "
        f"is more confident than it is right; its mean confidence is {abs(gap):.4f} {side} its accuracy.",
    )
    totals, hits = counts.sum(axis=1), np.diag(counts)
    of_class = zip(found.classes, totals, hits, counts.sum(axis=0), strict=True)
    rows = [
        [name, str(total), _share(hit, total), _share(hit, times), str(times)] for name, total, hit, times in of_class
    ]
    shown.tables.append(Table("Classes", ["class", "samples", "recall", "precision", "predicted"], rows))
    words = [
        (f"{found.classes[predicted[one]]} ({found.outputs[one].max():.0%})", found.classes[found.targets[one]])
        for one in found.worst
    ]
    _most_wrong(found, shown, ["predicted", "true"], [list(pair) for pair in words])


def _of_numbers(found: Examination, shown: Judgement) -> None:
    predicted, true = (np.asarray(part, float) for part in (found.outputs, found.targets))
    error = predicted - true
    spread = ((true - true.mean(axis=0)) ** 2).sum()
    r2 = f", R² {1 - (error**2).sum() / spread:.4g}" if spread > 0 else ""
    shown.lines.append(
        f"Residuals (predicted - true, in the units of the target): root mean square {np.sqrt((error**2).mean()):.4g}, "
        f"mean absolute {np.abs(error).mean():.4g}, mean {error.mean():.4g}{r2}."
    )
    first = "" if predicted.shape[1] == 1 else f" The first of {predicted.shape[1]} targets."
    shown.add(
        "predicted_against_true",
        run_figures.predicted_against_true(predicted[:, 0], true[:, 0]),
        drawn_run.predicted_against_true(predicted[:, 0], true[:, 0]),
        "Predicted against true",
        f"One point per sample; on the dashed line they are equal.{first}",
    )
    shown.add(
        "residuals",
        run_figures.residuals(predicted[:, 0], true[:, 0]),
        drawn_run.residuals(predicted[:, 0], true[:, 0]),
        "Residuals",
        f"A pattern is something that the model has not learned.{first}",
    )
    values = [[number(float(predicted[one, 0])), number(float(true[one, 0]))] for one in found.worst]
    _most_wrong(found, shown, ["predicted", "true"], values)


def _most_wrong(found: Examination, shown: Judgement, names: list[str], words: list[list[str]]) -> None:
    """Images with words below them, or rows of a table."""
    if not found.worst:
        shown.lines.append("No sample is wrong.")
    elif found.inputs.ndim == IMAGE:
        shown.pictures = [
            (_png(image), f"{predicted}, is {true}")
            for image, (predicted, true) in zip(found.inputs, words, strict=True)
        ]
        grid = drawn_run.most_wrong(found.inputs, [f"{predicted}\nis {true}" for predicted, true in words])
        shown.picture_links = drawn_run.links("most_wrong", grid) if grid is not None else []
    else:
        columns = dict(list(found.columns.items())[:MOST_COLUMNS])
        rows = [
            [str(sample), *said, *(number(values[place]) for values in columns.values())]
            for place, (sample, said) in enumerate(zip(found.worst, words, strict=True))
        ]
        shown.tables.append(Table("Most wrong samples", ["sample", *names, *columns], rows))


def _share(part: Any, whole: Any) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _png(image: Array) -> str:
    """An image [channels, height, width], scaled to its own range of values, as PNG in base64."""
    low, high = float(image.min()), float(image.max())
    pixels = np.moveaxis((image - low) / max(high - low, 1e-12) * 255, 0, -1).round().astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] != 3 else pixels).save(content, format="png")
    return in_base64(content.getvalue())
