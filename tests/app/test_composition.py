"""Keys that only a checkpoint's configuration has can be typed; others are refused by name when it is read."""

from pathlib import Path
from typing import Any

import pytest
from hydra.errors import HydraException
from omegaconf import DictConfig

from gradexp import compose
from gradexp.app.composition import with_overrides
from gradexp.configuration.check import check_config
from gradexp.configuration.values import plain

SAVED = (
    "optimizer=momentum", "scheduler=step", "augmentation=affine", "+regularizer.group_lasso=1e-3", "+metrics=f1",
    "model.batch_norm=true", "loss._target_=torch.nn.CrossEntropyLoss", "loss.label_smoothing=0.1",
    "+callbacks.mine._target_=lightning.pytorch.callbacks.LearningRateMonitor", "+callbacks.mine.log_momentum=true",
    "+logger.csv._target_=lightning.pytorch.loggers.CSVLogger", "+trainer.limit_val_batches=1.0",
)  # fmt: skip
GROUPS = ["data", "model", "loss", "optimizer", "scheduler", "regularizer", "augmentation"]


@pytest.fixture(scope="module")
def saved() -> dict[str, Any]:
    return plain(compose(*SAVED))


def resumed(saved: dict[str, Any], *typed: str) -> DictConfig:
    """The configuration of a run that resumes with typed overrides, checked before and after the checkpoint is read."""
    line = ["ckpt_path=run/checkpoints/last.ckpt", *typed]
    cfg = with_overrides(saved, compose(*line), line, GROUPS)
    check_config(cfg, line, own_keys=True)
    return cfg


def test_a_key_of_a_saved_section_takes_its_typed_value(saved: dict[str, Any]) -> None:
    values = {
        "optimizer.momentum": 0.5, "scheduler.gamma": 0.3, "augmentation.degrees": 3, "regularizer.group_lasso": 0.01,
        "metrics.f1.average": "micro", "loss.label_smoothing": 0.2, "callbacks.mine.log_momentum": False,
        "logger.csv.flush_logs_every_n_steps": 7, "trainer.limit_val_batches": 0.5,
    }  # fmt: skip
    cfg = resumed(saved, *(f"{key}={value}" for key, value in values.items()))
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        node: Any = cfg
        for part in section.split("."):
            node = node[part]
        assert node[name] == value, key
    assert cfg.metrics.f1._target_ == saved["metrics"]["f1"]["_target_"]
    assert cfg.scheduler.step_size == saved["scheduler"]["step_size"]


def test_a_mapping_that_is_one_value_replaces_the_saved_one() -> None:
    for before in ("trainer.accumulate_grad_batches=1", "trainer.accumulate_grad_batches={0:4,9:1}"):
        cfg = resumed(plain(compose(before)), "trainer.accumulate_grad_batches={0:2,3:1}")
        assert plain(cfg)["trainer"]["accumulate_grad_batches"] == {0: 2, 3: 1}
    before = "++trainer={max_time:{minutes:5},max_epochs:7}"
    cfg = resumed(plain(compose(before)), "++trainer={max_time:{hours:1},min_epochs:2}")
    assert plain(cfg)["trainer"]["max_time"] == {"hours": 1}
    assert (cfg.trainer.max_epochs, cfg.trainer.min_epochs) == (7, 2), "of a section each key is a value"


def test_an_option_of_trainer_keeps_the_saved_keys_that_it_does_not_set(own_folder: Path) -> None:
    saved = plain(compose("trainer.max_epochs=3", "trainer.accelerator=gpu", "+trainer.limit_val_batches=1.0"))
    cfg = resumed(saved, "trainer=cpu")
    assert plain(cfg)["trainer"] == {**saved["trainer"], "accelerator": "cpu"}
    cfg = resumed(
        saved, "trainer=ddp_cpu", "trainer.max_epochs=4", "trainer.devices=3", "trainer.limit_val_batches=0.5"
    )
    changed = {"accelerator": "cpu", "strategy": "ddp", "max_epochs": 4, "devices": 3, "limit_val_batches": 0.5}
    assert plain(cfg)["trainer"] == {**saved["trainer"], **changed}
    Path("trainer").mkdir()
    Path("trainer/long.yaml").write_text("defaults: [cpu, _self_]\nmax_epochs: 99\n")
    cfg = resumed(saved, f"hydra.searchpath=[file://{own_folder}]", "trainer=long")
    assert plain(cfg)["trainer"] == {**saved["trainer"], "accelerator": "cpu", "max_epochs": 99}, "an option of a user"


def test_an_option_of_callbacks_and_metrics_adds_to_the_saved_ones(saved: dict[str, Any]) -> None:
    cfg = resumed(saved, "+callbacks=sparsity", "callbacks.sparsity.threshold=0.5", "callbacks.mine.log_momentum=false")
    assert cfg.callbacks.mine == {**saved["callbacks"]["mine"], "log_momentum": False}
    assert cfg.callbacks.sparsity.threshold == 0.5
    other = resumed(saved, "+metrics=mae")
    assert {*other.metrics} == {"f1", *compose("+metrics=mae").metrics}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("optimizer.betas=[0.1,0.2]", "optimizer.betas is not an argument of SGD"),
        ("scheduler.T_max=3", "scheduler.T_max is not an argument of StepLR"),
        ("augmentation.angle=1", "augmentation.angle is not an argument of RandomGeometry"),
        ("regularizer.foo=1", "regularizer.foo is not a penalty"),
        ("metrics.f2.average=macro", "metrics.f2._target_ must name a metric"),
        ("metrics.f1.avrage=macro", "metrics.f1.avrage is not an argument of MulticlassF1Score"),
        ("trainer.max_epoch=1", "trainer.max_epoch is not an argument of Trainer"),
        ("early_stopping.patiense=3", "early_stopping.patiense is not a key"),
    ],
)
def test_a_key_of_neither_is_refused(line: str, words: str, saved: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=words):
        resumed(saved, line)


@pytest.mark.parametrize("line", ["lr=0.1", "hydra.run.dirr=x", "optimizer.lr.x=1"])
def test_a_checkpoint_opens_sections_only(line: str) -> None:
    with pytest.raises(HydraException):
        compose("ckpt_path=run/checkpoints/last.ckpt", line)


def test_without_a_checkpoint_sections_are_closed() -> None:
    for line in ("augmentation.degrees=3", "metrics.f1.average=macro", "ckpt_path=null"):
        with pytest.raises(HydraException):
            compose(line, "trainer.limit_val_batches=0.5")
