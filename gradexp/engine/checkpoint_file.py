"""Checkpoint files: written atomically, and read as plain data that is checked before anything is built from it."""

import io
import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch import Trainer
from torch import nn

from gradexp.engine.checkpoint_content import wrong_content
from gradexp.engine.checkpoint_path import no_checkpoint, not_zip
from gradexp.engine.checkpoints import FORMAT
from gradexp.engine.checksum import damage, seal
from gradexp.engine.lightning_restoring import RestoredPart, around_restoring
from gradexp.engine.saved_states import wrong_optimizer, wrong_states
from gradexp.files import write_atomically


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes Lightning's checkpoints atomically, with a checksum.

    Lightning's own transaction copies across file systems.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        seal(buffer)
        write_atomically(Path(path), buffer.getvalue())


def read_checkpoint(ckpt_path: str, key: str = "ckpt_path") -> dict[str, Any]:
    """The checkpoint as plain data; nothing in the file is executed.

    Args:
        ckpt_path: The file.
        key: The argument that names it, for messages.

    Raises:
        ValueError: The file is missing, damaged, not written by this version of gradexp, or holds more than plain data.
    """
    path = Path(ckpt_path)
    if not path.is_file():
        raise ValueError(no_checkpoint(path, key))
    other_kind = not_zip(path, key)
    if other_kind:
        raise ValueError(other_kind)
    checkpoint: dict[str, Any] = {}
    damaged = ""
    try:
        damaged = damage(path) if path.stat().st_size else ""  # torch.load refuses an empty one
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, in files that are refused below
            checkpoint = {} if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{key} must be a checkpoint of plain data; {path} is damaged, or holds objects whose loading could "
            "run code, and was not loaded."
        ) from error
    except OSError:
        raise
    except Exception as error:  # arbitrary bytes can raise anything in torch.load
        raise ValueError(
            f"{key} must be a whole checkpoint; {path} is truncated or of another kind "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})."
        ) from error
    if damaged:
        raise ValueError(f"{key} must be a whole checkpoint; {path} is damaged: {damaged}. Use another one.")
    content = checkpoint if isinstance(checkpoint, dict) else {}
    missing = [part for part in ("state_dict", "config", "global_step") if part not in content]
    if not missing and not isinstance(checkpoint["config"], dict):
        missing = ["config"]
    if missing:
        raise ValueError(
            f"{key} must be a checkpoint that gradexp wrote; {path} lacks {', '.join(missing)}. "
            "Read a plain Lightning checkpoint with load_from_checkpoint of its class."
        )
    written = checkpoint.get("format", "none")
    if written != FORMAT:
        raise ValueError(
            f"{key} must be a checkpoint of format {FORMAT}; got {path} of format {written}. Another "
            "version of gradexp wrote it, and this one cannot read it. Train anew."
        )
    wrong = wrong_content(checkpoint)
    if wrong:
        raise ValueError(_not_whole(ckpt_path, wrong, key))
    return checkpoint


def _not_whole(ckpt_path: str, reason: str, key: str = "ckpt_path") -> str:
    return f"{key} must be a checkpoint that gradexp wrote whole; {ckpt_path} is none ({reason}). Use another one."


@contextmanager
def restoring(ckpt_path: str, key: str = "ckpt_path") -> Iterator[None]:
    """A context that turns what a broken part of a checkpoint raises into one message. gradexp's own messages pass.

    Raises:
        ValueError: Something in the context has failed.
    """
    try:
        yield
    except Exception as error:
        innermost = error.__traceback__
        while innermost is not None and innermost.tb_next is not None:
            innermost = innermost.tb_next
        module = str(innermost.tb_frame.f_globals.get("__name__")) if innermost is not None else ""
        is_message = isinstance(error, ValueError) and module.partition(".")[0] == "gradexp"
        # Lightning's exception is compared by name, as elsewhere: of a setting that does not go with the checkpoint.
        if is_message or isinstance(error, OSError) or type(error).__name__ == "MisconfigurationException":
            raise
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ValueError(_not_whole(ckpt_path, reason, key)) from error


def guard_restoring(
    trainer: Trainer, checkpoint: dict[str, Any], ckpt_path: str, config: Mapping[str, Any] | None = None
) -> None:
    """Let a fit check the states in the checkpoint that it resumes from, and explain what fails as they are loaded.

    Args:
        trainer: The trainer of the fit.
        checkpoint: The checkpoint.
        ckpt_path: Its path.
        config: The configuration of the fit. None for that of the checkpoint.
    """
    saved = checkpoint["config"]
    changed = [name for name in ("optimizer", "scheduler") if config is not None and config[name] != saved.get(name)]

    def before(part: RestoredPart) -> None:
        for wrong in wrong_states(trainer, checkpoint, part, changed):
            _check(wrong)

    def after() -> None:
        for number, optimizer in enumerate(trainer.optimizers if "optimizer" not in changed else ()):
            _check(wrong_optimizer(optimizer, f"optimizer_states.{number}"))

    around_restoring(trainer, lambda: restoring(ckpt_path), before, after)


def _check(wrong: str) -> None:
    if wrong:
        raise TypeError(wrong)  # `restoring` adds the file


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
