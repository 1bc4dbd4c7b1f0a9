"""Learning curves of a run, read from its event files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def curves(folder: Path, tags: list[str]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of those of these scalars that the run in a folder has logged."""
    if not (folder / "tensorboard").is_dir():
        return {}
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 1000, "images": 1, "tensors": 1})
    events.Reload()
    logged = {tag: events.Scalars(tag) for tag in tags if tag in events.Tags()["scalars"]}
    return {
        tag: ([point.step for point in points], [point.value for point in points]) for tag, points in logged.items()
    }
