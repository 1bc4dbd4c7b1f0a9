"""Learning curves of a job, from its event files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def curves(folder: Path, tags: list[str]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of the tags that the job has logged.

    Args:
        folder: The job's.
        tags: Names of scalars.
    """
    if not (folder / "tensorboard").is_dir():
        return {}
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 1000, "images": 1, "tensors": 1})
    events.Reload()
    logged = [tag for tag in tags if tag in events.Tags()["scalars"]]
    points = {tag: events.Scalars(tag) for tag in logged}
    return {
        tag: ([point.step for point in listed], [point.value for point in listed]) for tag, listed in points.items()
    }
