"""Which test samples a classifier had right: kept in the run's folder, and read to compare runs sample by sample."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor, cat

from gradexp.data import AbstractDataModule
from gradexp.engine.batches import pair_of
from gradexp.engine.lightning_internals import callbacks_of
from gradexp.files import write_json
from gradexp.models import AbstractModule
from gradexp.untrusted import read_json

NAME = "test_correct.json"  # in the folder of a run
WHOLE = "the record of the test samples that a run had right"  # what the file is
MOST = 2**26  # samples


@dataclass(frozen=True)
class Correct:
    """The result of a test.

    Attributes:
        test_set: What identifies the test set; see gradexp.data.test_set.
        right: Whether each sample was right, in the order of the test set [samples].
    """

    test_set: str
    right: NDArray[np.bool_]


class CorrectSamples(Callback):
    """Writes after a test which samples were right: one bit each, 1.7 kB for MNIST, with what identifies the test set.

    A test in several processes leaves no file, as each sees a part of the samples.

    Args:
        data: The data that is tested on.
    """

    def __init__(self, data: AbstractDataModule) -> None:
        self._data = data
        self._right: list[Tensor] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._right.clear()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        if isinstance(outputs, Tensor) and outputs.shape[1:] == (self._data.num_classes,):
            self._right.append(outputs.argmax(dim=1) == pair_of(batch)[1])

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._right or trainer.world_size > 1 or not self._data.test_digest:
            return
        right = cat(self._right).cpu().numpy()
        self._right.clear()
        content = {
            "test_set": self._data.test_digest,
            "samples": len(right),
            "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        }
        write_json(Path(trainer.default_root_dir) / NAME, content)


def keep_correct(trainer: Trainer, data: AbstractDataModule, model: LightningModule) -> None:
    """Make a test keep which samples were right, if the model is a classifier of ours; an idle callback costs time."""
    if data.num_classes and isinstance(model, AbstractModule):
        callbacks_of(trainer).append(CorrectSamples(data))


def read_correct(folder: Path) -> Correct | None:
    """The record in a run's folder; None if there is none.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    content = read_json(path, WHOLE)
    try:
        samples, test_set = content["samples"], content["test_set"]
        packed = np.frombuffer(base64.b64decode(content["right"], validate=True), np.uint8)
        is_whole = isinstance(test_set, str) and isinstance(samples, int) and 0 < samples <= MOST
        if not is_whole or len(packed) != -(-samples // 8):
            raise ValueError(f"it has {len(packed)} bytes for {samples} samples")
    except (LookupError, TypeError, ValueError, binascii.Error) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} must be {WHOLE}; it cannot be read ({reason}). Delete it.") from error
    return Correct(test_set, np.unpackbits(packed, count=samples).astype(bool))
