"""Learning curves of a run, read from its event files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp.engine.scalar_tags import tag_today
from gradexp.reports.event_folder import event_folder


def curves(folder: Path, tags: list[str]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of those of these scalars that the run in a folder has logged, by step.

    A later process may have an earlier clock, by which TensorBoard orders the files. Of two values at a step the one
    read last counts. A scalar has the points of its earlier name too, see `tag_today`.
    """
    events = _events(folder)
    if events is None:
        return {}
    found = {}
    logged = _by_name(events)
    for tag in tags:
        names = logged.get(tag_today(tag), ())
        points = {point.step: point.value for name in names for point in events.Scalars(name)}
        if points:  # else it is not logged, or a later process has superseded all of them
            steps = sorted(points)
            found[tag] = (steps, [points[step] for step in steps])
    return found


def scalars(folder: Path) -> list[str]:
    """The names of the scalars that the run in a folder has logged."""
    events = _events(folder)
    return [] if events is None else list(_by_name(events))


def _by_name(events: EventAccumulator) -> dict[str, list[str]]:
    """The tags that each scalar has in the files, the earlier one first."""
    found: dict[str, list[str]] = {}
    for tag in sorted(events.Tags()["scalars"], key=lambda tag: tag == tag_today(tag)):
        found.setdefault(tag_today(tag), []).append(tag)
    return found


def _events(folder: Path) -> EventAccumulator | None:
    place = event_folder(folder)
    if not place.is_dir():
        return None
    events = EventAccumulator(str(place), size_guidance={"scalars": 1000, "images": 1, "tensors": 1})
    events.Reload()
    return events
