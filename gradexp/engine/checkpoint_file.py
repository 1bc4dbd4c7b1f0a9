"""Checkpoint files: written atomically, and read as plain data that is checked before anything is built from it."""

import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from torch import nn

from gradexp.engine.checkpoints import FORMAT
from gradexp.files import write_atomically


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes Lightning's checkpoints atomically; Lightning's own transaction copies across file systems."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_atomically(Path(path), buffer.getvalue())


def read_checkpoint(ckpt_path: str) -> dict[str, Any]:
    """The checkpoint as plain data; nothing in the file is executed.

    Raises:
        ValueError: The file is missing, truncated, not written by this version of gradexp, or holds more than plain
            data.
    """
    path = Path(ckpt_path)
    if not path.is_file():
        beside = sorted(str(other) for other in path.parent.glob("*.ckpt"))
        hint = f" Beside it: {', '.join(beside)}." if beside else " A run keeps its own in RUN/checkpoints/."
        raise ValueError(f"ckpt_path must be a checkpoint file; there is no {path}.{hint}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, in files that are refused below
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"ckpt_path must be a checkpoint of plain data; {path} is damaged, or holds objects whose loading could "
            "run code, and was not loaded."
        ) from error
    except Exception as error:  # arbitrary bytes can raise anything in torch.load
        raise ValueError(
            f"ckpt_path must be a whole checkpoint; {path} is truncated or of another kind "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})."
        ) from error
    content = checkpoint if isinstance(checkpoint, dict) else {}
    missing = [key for key in ("state_dict", "config", "global_step") if key not in content]
    if not missing and not isinstance(checkpoint["config"], dict):
        missing = ["config"]
    if missing:
        raise ValueError(
            f"ckpt_path must be a checkpoint that gradexp wrote; {path} lacks {', '.join(missing)}. "
            "Read a plain Lightning checkpoint with load_from_checkpoint of its class."
        )
    written = checkpoint.get("format", "none")
    if written != FORMAT:
        raise ValueError(
            f"ckpt_path must be a checkpoint of format {FORMAT}; got {path} of format {written}. Another "
            "version of gradexp wrote it, and this one cannot read it. Train anew."
        )
    return checkpoint


def check_architecture(checkpoint: dict[str, Any], model: nn.Module, ckpt_path: str) -> None:
    """Compare the checkpoint's tensors with the model's, by name and shape; tensors of another loss are ignored.

    Raises:
        ValueError: They differ; the message names the first differences.
    """
    saved = {name: tuple(tensor.shape) for name, tensor in checkpoint["state_dict"].items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    differences = [
        f"{name} is {saved.get(name, 'missing')} in the file and {wanted.get(name, 'missing')} in the model"
        for name in sorted(saved.keys() | wanted.keys())
        if saved.get(name) != wanted.get(name) and (name in wanted or not name.startswith("objective.loss."))
    ]
    if differences:
        shown = "; ".join(differences[:3]) + ("; ..." if len(differences) > 3 else "")
        raise ValueError(
            f"ckpt_path must be a checkpoint of this model; {ckpt_path} has another architecture: {shown}. "
            "Leave out model=... and model.KEY=... to take the architecture from the checkpoint."
        )
