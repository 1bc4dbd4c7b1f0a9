"""Audits the model of a configuration or of a checkpoint on one real batch."""

import time

import torch
from lightning.pytorch import seed_everything
from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.assembly import build_data, build_model
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.adapt import adapt
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.app.tasks.restore import restore
from gradexp.auditing import audit as checks_of
from gradexp.engine.threads import choose_threads, operations_per_step
from gradexp.files import write_json
from gradexp.models import AbstractModule

SAMPLES = 64


def audit(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Print a table of checks and write audit.json; the metric "checks/failed" counts the failed ones.

    Raises:
        ValueError: The configuration, the data or the checkpoint is not usable.
    """
    notes: list[str] = []
    if cfg.ckpt_path is not None:
        restored = restore(cfg, record, console)
        data, model, is_trained, notes = restored.data, restored.model, restored.step > 0, restored.notes
    else:
        seed_everything(cfg.seed, workers=True, verbose=False)
        data = build_data(cfg)
        cfg, notes = adapt(cfg, data)
        model, is_trained = build_model(cfg, data), False
        record.write(cfg)
    if not data.num_features:
        raise ValueError(f"data must have samples for task=audit; got {type(data).__name__}, which has none.")
    data.prepare_data()
    data.setup("fit")
    if cfg.ckpt_path is None and isinstance(model, AbstractModule):
        model.balance_loss(data.train_targets)  # as a fit does; a checkpoint contains the class weights
    started = time.perf_counter()
    samples = data.sample(SAMPLES)
    torch.set_num_threads(choose_threads(cfg.threads, operations_per_step(model, samples[0][:1], len(samples[0]))))
    result = checks_of(model, samples, seed=cfg.seed, is_trained=is_trained)
    result.print(Console())
    write_json(record.folder / "audit.json", result.as_dict())
    counts: dict[str, float] = {"checks": len(result.checks), "checks/failed": len(result.failed)}
    counts["seconds/audit"] = time.perf_counter() - started
    return Outcome({"status": "completed", **counts, **facts(data, model)}, [*data.notes, *notes])
