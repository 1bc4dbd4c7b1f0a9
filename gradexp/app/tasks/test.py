"""Measures a checkpoint on the test part."""

import time

from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome, facts, root_errors
from gradexp.app.tasks.restore import restore
from gradexp.engine.checkpoints import logged
from gradexp.reports.correct_samples import keep_correct


def test(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Run the model of `ckpt_path` on the test part; figures go to TensorBoard.

    Raises:
        ValueError: The checkpoint or the data is not usable.
    """
    restored = restore(cfg, record, console)
    keep_correct(restored.trainer, restored.data, restored.model)
    started = time.perf_counter()
    restored.trainer.test(restored.model, datamodule=restored.data, verbose=False)
    seconds = time.perf_counter() - started
    if isinstance(restored.trainer.logger, TensorBoardLogger):
        restored.trainer.logger.experiment.close()
    metrics = {"status": "completed", **logged(restored.trainer), "seconds/test": seconds, "steps": restored.step}
    metrics |= restored.weights
    metrics |= root_errors(metrics, restored.data) | facts(restored.data, restored.model)
    return Outcome(metrics, [*restored.data.notes, *restored.notes], restored)
