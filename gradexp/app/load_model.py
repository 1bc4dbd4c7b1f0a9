"""Loads a checkpoint: its module, the preprocessing of its data, and the names of its classes."""

import os
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from gradexp.app.caller_state import caller_state
from gradexp.app.composition import compose, with_overrides
from gradexp.app.importing import importing
from gradexp.building.trust import OWN_PACKAGE, foreign_packages
from gradexp.configuration.check import check_config
from gradexp.configuration.values import plain
from gradexp.sweeps.plan.axes import text

if TYPE_CHECKING:  # these take seconds to import
    from lightning.pytorch import LightningModule
    from torch import Tensor

    from gradexp.data import AbstractDataModule
    from gradexp.data.preprocessors import Preprocessor

CLASSES_SHOWN = 10  # in the representation


@dataclass(frozen=True, repr=False)
class LoadedModel:
    """A trained model.

    Attributes:
        module: The module with the weights of the checkpoint, in evaluation mode, on the CPU.
        data: Its data module, with the preprocessing of the checkpoint; no data is read until it is used.
        preprocessing: From raw samples, such as pixels, to inputs of the module; None if the data module has none.
        classes: Class names, by class number; empty for regression.
        config: The configuration of the run, as plain data.
    """

    module: "LightningModule"
    data: "AbstractDataModule"
    preprocessing: "Preprocessor | None"
    classes: list[str]
    config: dict[str, Any]

    def __call__(self, samples: Any) -> "Tensor":
        """Of raw samples the probability of each class [samples, classes], or numbers in the target's units.

        They are preprocessed as task=predict does it. A single sample is a batch of one.

        Args:
            samples: What `preprocessing` takes [samples, ...], as a NumPy array, a tensor or a list. For images also
                Pillow images, paths of files or folders, and bytes [height, width] or [height, width, 3] of an image of
                another size, or a list of these: they are converted as in training, whereas bytes of the model's own
                size are taken as they are. For a table also rows that name their columns: a polars or pandas
                DataFrame, a list of dicts, a dict of columns or of one row, or the path of a CSV or Parquet file.

        Warns:
            UserWarning: A table has values that the training rows do not have, such as a new category.

        Raises:
            ValueError: The samples are none of these, or lack a column.
        """
        import torch

        from gradexp.app.pipeline import Pipeline

        with torch.no_grad():
            outputs: Tensor = Pipeline(self.module, self.data)(self.data.raw_samples(samples))
        return outputs

    def __repr__(self) -> str:
        short = reprlib.Repr()
        short.maxlist = CLASSES_SHOWN
        given = f"classes={short.repr(self.classes)}" if self.classes else f"target={short.repr(self.data.target_name)}"
        return f"LoadedModel(module={type(self.module).__name__}, data={type(self.data).__name__}, {given})"


def load(ckpt_path: str | Path, trusted_packages: Sequence[str] = (OWN_PACKAGE,)) -> LoadedModel:
    """Load the model in a checkpoint that gradexp wrote; nothing in the file is executed, and the process is unchanged.

    >>> model = load("RUN/checkpoints/best.ckpt")  # doctest: +SKIP
    >>> probabilities = model(pixels)  # doctest: +SKIP
    >>> probabilities = model(["scan_1.png", "scan_2.png"])  # doctest: +SKIP
    >>> model.classes[probabilities[0].argmax()]  # doctest: +SKIP

    Args:
        ckpt_path: The checkpoint.
        trusted_packages: Packages that the classes in the checkpoint may come from, besides torch and Lightning.

    Raises:
        ValueError: The file is no checkpoint, is damaged, or names a class of a package that is not trusted.
    """
    path = os.fspath(ckpt_path)
    trusted = list(dict.fromkeys([OWN_PACKAGE, *trusted_packages]))
    typed = compose("task=predict", f"ckpt_path={text(path)}", f"trusted_packages=[{','.join(trusted)}]")
    with caller_state():
        with importing():
            from gradexp.app.tasks.restore import module_and_data
            from gradexp.engine.checkpoint_file import read_checkpoint, restoring

        checkpoint = read_checkpoint(path)
        with restoring(path):
            cfg = with_overrides(checkpoint["config"], typed, [], [])
            OmegaConf.set_readonly(cfg, True)
            foreign = foreign_packages(plain(cfg), trusted)
            if foreign:
                packages = ", ".join(map(repr, [*trusted, *foreign]))
                raise ValueError(
                    f"trusted_packages must name the packages of all classes; got {trusted}, and {path} names "
                    f"{', '.join(foreign.values())}. If you know the code of {', '.join(foreign)}, call "
                    f"load({path!r}, trusted_packages=[{packages}])."
                )
            check_config(cfg, own_keys=True)
        data, module = module_and_data(cfg, path, checkpoint)
        if not data.is_fitted:
            raise ValueError(
                f"ckpt_path must be a checkpoint with the preprocessing of its data, {type(data).__name__}; {path} has "
                "none."
            )
    return LoadedModel(module.eval(), data, data.preprocessor(), list(data.classes), plain(cfg))
