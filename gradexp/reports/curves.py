"""Learning curves of a run, read from its event files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp.reports.event_folder import event_folder


def curves(folder: Path, tags: list[str]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of those of these scalars that the run in a folder has logged, by step.

    A later process may have an earlier clock, by which TensorBoard orders the files. Of two values at a step the one
    read last counts.
    """
    events = _events(folder)
    if events is None:
        return {}
    found = {}
    for tag in tags:
        if tag in events.Tags()["scalars"]:
            points = {point.step: point.value for point in events.Scalars(tag)}
            if points:  # else a later process has superseded all of them
                steps = sorted(points)
                found[tag] = (steps, [points[step] for step in steps])
    return found


def scalars(folder: Path) -> list[str]:
    """The names of the scalars that the run in a folder has logged."""
    events = _events(folder)
    return [] if events is None else list(events.Tags()["scalars"])


def _events(folder: Path) -> EventAccumulator | None:
    place = event_folder(folder)
    if not place.is_dir():
        return None
    events = EventAccumulator(str(place), size_guidance={"scalars": 1000, "images": 1, "tensors": 1})
    events.Reload()
    return events
