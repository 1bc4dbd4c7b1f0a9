"""Where the event files of a run lie."""

from pathlib import Path

NAME = "tensorboard"


def event_folder(folder: Path) -> Path:
    """The folder of a run's event files: ``tensorboard/``, or in a job of a sweep the one in it that names the job.

    Args:
        folder: The run's.
    """
    root = folder / NAME
    if not any(root.glob("*tfevents*")):
        for path in sorted(root.glob("*/*tfevents*")):
            if not path.parent.is_symlink():
                return path.parent
    return root
