"""How a fit begins: with the weights of another checkpoint, and with parameters that it leaves alone."""

import logging

from lightning.pytorch import LightningModule
from omegaconf import DictConfig

from gradexp.configuration.values import plain
from gradexp.engine.checkpoint_content import not_finite
from gradexp.engine.checkpoint_file import read_checkpoint, restoring
from gradexp.engine.transfer import freeze, take_weights

log = logging.getLogger(__name__)


def set_initial_state(cfg: DictConfig, model: LightningModule) -> list[str]:
    """Take the weights that `init_from` names, and freeze what `freeze` names.

    A fit that resumes from `ckpt_path` has all its weights there, so that only `freeze` applies.

    Returns:
        Notes on what was taken and frozen.

    Raises:
        ValueError: `init_from` is no checkpoint with matching parameters, or `freeze` names no parameters.
    """
    notes = []
    if cfg.init_from is not None and cfg.ckpt_path is None:
        checkpoint = read_checkpoint(cfg.init_from, "init_from")
        with restoring(cfg.init_from, "init_from"):
            taken = take_weights(model, checkpoint["state_dict"], cfg.init_from)
        notes += [*taken.notes(cfg.init_from), *not_finite(checkpoint["state_dict"])]
    if cfg.freeze:
        notes.append(freeze(model, plain(cfg)["freeze"]))
    for note in notes:
        log.info(note)
    return notes
