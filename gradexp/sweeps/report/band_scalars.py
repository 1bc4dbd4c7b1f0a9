"""Learning curves with bands in TensorBoard: margin charts of the tab Custom Scalars, one run per setting."""

from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from gradexp.engine.event_writer import EventWriter
from gradexp.sweeps.plan.repeats import without_repeats
from gradexp.sweeps.plan.run_name import UNSAFE, run_name
from gradexp.sweeps.report.bands import Band
from gradexp.sweeps.report.learning_curves import LearningCurves

GROUP = "sweep/bands"  # starts the tags: with the sweep's figures, so that TensorBoard does not open it first


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
        words = (name.replace(" ", ""), run_name(without_repeats(setting.jobs[0].settings)))
        with EventWriter(str(folder / "_".join(filter(None, words))), filename_suffix=suffix) as run:
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
