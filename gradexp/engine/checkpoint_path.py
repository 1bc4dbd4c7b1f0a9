"""What a message says of a path that is no checkpoint file; without torch, so that it is said at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

SHOWN = 20  # bytes of a file in a message
NAMES = ("best", "last")  # of a run's checkpoints, the likelier first


def no_checkpoint(path: Path, key: str, names: Sequence[str] = NAMES, near: str = "") -> str:
    """The message for a path that is a folder, or is not there.

    Args:
        path: The path.
        key: The argument that names it.
        names: The checkpoints of a run, the likelier first.
        near: ' Did you mean PATH?', of a path that is not there.
    """
    if path.is_dir():
        found = next(_in_run(path, names), None)
        hint = f" Type {key}={found}" if found else " A run keeps its own in RUN/checkpoints/."
        return f"{key} must be a checkpoint file; {path} is a folder.{hint}"
    beside = sorted(str(other) for other in path.parent.glob("*.ckpt"))
    hint = f" Beside it: {', '.join(beside)}." if beside else " A run keeps its own in RUN/checkpoints/."
    return f"{key} must be a checkpoint file; there is no {path}.{near}{hint}"


def not_zip(path: Path, key: str) -> str:
    """The message for a file of another kind than a checkpoint; "" for a zip file, and for an empty one.

    Every checkpoint of gradexp and of today's Lightning is a zip file, as torch.save writes it.
    """
    with path.open("rb") as file:
        start = file.read(SHOWN)
    if not start or start.startswith(b"PK"):  # an empty one is a truncated checkpoint
        return ""
    return (
        f"{key} must be a checkpoint, a zip file as gradexp and Lightning write; {path} is none: it begins with "
        f"{start.decode(errors='replace')!r}, and was not loaded."
    )


def _in_run(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The checkpoints in a run's folder, or in its folder checkpoints/."""
    for name in names:
        places = (folder / "checkpoints" / f"{name}.ckpt", folder / f"{name}.ckpt")
        yield from (path for path in places if path.is_file())
