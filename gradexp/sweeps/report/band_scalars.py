"""Learning curves with bands in TensorBoard: margin charts of the tab Custom Scalars, one run per setting."""

import re
from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from gradexp.engine.event_writer import EventWriter
from gradexp.sweeps.report.bands import Band
from gradexp.sweeps.report.learning_curves import LearningCurves
from gradexp.sweeps.report.ranking import Setting

LONGEST = 80  # characters of a run's name
GROUP = "sweep/bands"  # starts the tags: with the sweep's figures, so that TensorBoard does not open it first
UNSAFE = re.compile(r"[^A-Za-z0-9_.,-]+")


def write_bands(curves: LearningCurves, folder: Path, writer: SummaryWriter, suffix: str) -> None:
    """Write mean, lower and upper of each kind of band, and the layout of their charts.

    Each setting is a run of its own, so that it has a color and a checkbox. Nothing is written without several seeds.

    Args:
        curves: The sweep's.
        folder: Where the runs are written, a folder for each.
        writer: Of the sweep's own run, which gets the layout.
        suffix: Ends the names of the event files.
    """
    categories: dict[str, dict[str, list[object]]] = {}
    for name, setting in curves.settings.items():
        found = {tag: by[name] for tag, by in curves.by_tag.items() if name in by and by[name].band.edges}
        if not found:
            continue
        with EventWriter(str(folder / run_name(name, setting)), filename_suffix=suffix) as run:
            for tag, curve in found.items():
                charts = categories.setdefault(f"{tag}, mean over {setting.unit}s", {})
                for kind in curve.band.edges:
                    charts[kind] = ["Margin", _tags(tag, kind)]
                for place, step in enumerate(curve.steps):
                    _write(run, tag, curve.band, place, step)
    if categories:
        writer._get_file_writer().add_summary(custom_scalars(categories))  # type: ignore[no-untyped-call]


def remove_bands(folder: Path, suffix: str) -> None:
    """Remove the runs that an earlier report wrote."""
    for path in folder.glob(f"*/*{suffix}"):
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def run_name(name: str, setting: Setting) -> str:
    """A setting as a folder: "best_adam_lr-0.01"."""
    pairs = [pair.partition("=") for pair in setting.label.split(" ")]
    words = [key.rpartition(".")[2] + (f"-{value}" if equals else "") for key, equals, value in pairs]
    return UNSAFE.sub("_", "_".join([name.replace(" ", ""), *words]))[:LONGEST]


def _tags(tag: str, kind: str) -> list[str]:
    start = f"{GROUP}/{tag}"
    band = UNSAFE.sub("_", kind.replace(" %", ""))
    return [f"{start}/mean", f"{start}/{band}/lower", f"{start}/{band}/upper"]


def _write(run: SummaryWriter, tag: str, band: Band, place: int, step: int) -> None:
    """Write what exists at a point, as one event."""
    numbers: dict[str, float | None] = {}
    for kind, (low, high) in band.edges.items():
        mean, lower, upper = _tags(tag, kind)
        numbers |= {mean: band.mean[place], lower: low[place], upper: high[place]}
    values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items() if value is not None]
    run._get_file_writer().add_summary(Summary(value=values), step)  # type: ignore[no-untyped-call]
