"""A LightningModule without gradexp's attributes: only `model._target_=mypackage.MyModule` is set."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.plugins.custom_scalar import layout_pb2

from gradexp import Digits, run
from tests.app.plain_modules import Plain
from tests.command_line import call
from tests.run_folder import assert_same, checkpoint, events
from tests.sweeps.small import UNREPORTED, table

pytestmark = pytest.mark.slow

TRUSTED = "trusted_packages=[gradexp,tests]"
SHORT = (TRUSTED, "trainer.max_epochs=3", "trainer.log_every_n_steps=10", "figures=false")


def named(name: str) -> str:
    return f"model._target_=tests.app.plain_modules.{name}"


@pytest.mark.parametrize(
    ("name", "monitor", "is_logged"),
    [
        ("Plain", "val_loss", True),
        ("Slashed", "val/loss", True),
        ("Scheduled", "val_loss", True),
        ("Silent", "", False),
    ],
)
def test_a_plain_module_trains_and_is_tested_with_its_best_checkpoint(name: str, monitor: str, is_logged: bool) -> None:
    result = run(*SHORT, named(name))
    assert result.metrics["status"] == "completed"
    assert result.metrics["epochs"] == 3
    best = checkpoint(result.folder, "best")
    assert "epoch" not in events(result.folder).Tags()["scalars"]
    if is_logged:
        assert (result.metrics["monitor"], result.metrics["monitor_mode"]) == (monitor, "min")
        seen = [event.value for event in events(result.folder).Scalars(monitor)]
        assert best["epoch"] == 1 + int(np.argmin(seen))
        assert result.metrics[f"best/{monitor}"] == pytest.approx(min(seen))
    else:
        assert best["epoch"] == 3, "the last epoch counts as the best"
    if name == "Scheduled":
        (layout,) = events(result.folder).Tensors("custom_scalars__config__")
        assert layout_pb2.Layout.FromString(layout.tensor_proto.string_val[0]).category[0].chart[0].title == "loss"
    if name == "Slashed":
        return
    model = Plain()
    model.load_state_dict(best["state_dict"])
    data = Digits()
    data.setup("test")
    with torch.no_grad():
        correct = [model(inputs).argmax(1) == targets for inputs, targets in data.test_dataloader()]
    assert result.metrics["test_accuracy"] == pytest.approx(torch.cat(correct).double().mean().item())
    tested = run("task=test", f"ckpt_path={result.folder}/checkpoints/best.ckpt", TRUSTED, "figures=false")
    assert tested.metrics["test_accuracy"] == result.metrics["test_accuracy"]


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader` but have no `validation_step`")
def test_a_module_without_validation_and_test_steps_trains() -> None:
    result = run(*SHORT, named("TrainingOnly"))
    assert "nothing is tested: TrainingOnly has no test_step" in result.notes
    assert result.metrics["status"] == "completed"
    assert checkpoint(result.folder, "best")["epoch"] == 3


@pytest.mark.parametrize("name", ["Plain", "Scheduled"])
def test_a_resumed_fit_ends_bit_identically(name: str) -> None:
    settings = (TRUSTED, named(name), "test=false", "figures=false")
    whole = run(*settings, "trainer.max_epochs=3", "hydra.run.dir=whole")
    run(*settings, "trainer.max_epochs=1", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_epochs=3", TRUSTED, "figures=false")
    assert_same(whole.folder, resumed.folder)


def test_a_sweep_over_arguments_of_the_module_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("-m", UNREPORTED, *SHORT, named("Plain"), "model.lr=0.01,0.1", "model.width=4,8", "hydra.sweep.dir=sweep")
    assert call(monkeypatch, *line, "trainer.max_epochs=1") is None
    rows = table()
    metrics = [json.loads(path.read_text()) for path in sorted(Path("sweep").glob("*/metrics.json"))]
    assert [each["status"] for each in metrics] == ["completed"] * 4
    assert {each["monitor"] for each in metrics} == {"val_loss"}
    assert len({each["val_loss"] for each in metrics}) == 4
    assert len({float(row["val_loss"]) for row in rows}) == len(rows) == 4


def test_a_monitor_must_be_logged_by_the_module_and_have_a_known_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(*SHORT, named("Plain"), "monitor=val_loss", "monitor_mode=max", "test=false")
    assert (result.metrics["monitor"], result.metrics["monitor_mode"]) == ("val_loss", "max")
    with pytest.raises(ValueError, match=r"monitor must be one of val_loss.*; got 'val/loss'"):
        run(*SHORT, named("Plain"), "monitor=val/loss", "test=false")
    message = str(call(monkeypatch, *SHORT, named("Plain"), "monitor=val/score"))
    assert "monitor_mode must be max or min for monitor=val/score" in message


# Loggers, callbacks and arguments of the trainer


def test_a_logger_beside_tensorboard_gets_the_same_numbers() -> None:
    for model in ((), (named("Plain"),)):
        result = run(*SHORT, *model, "+logger.csv._target_=lightning.pytorch.loggers.CSVLogger")
        (path,) = result.folder.rglob("metrics.csv")
        rows = list(csv.DictReader(path.read_text().splitlines()))
        name = "val_loss" if model else "val/accuracy"
        seen = [float(row[name]) for row in rows if row.get(name)]
        assert seen[:3] == pytest.approx([event.value for event in events(result.folder).Scalars(name)][:3])


def test_two_loggers_of_one_class_write_to_separate_folders() -> None:
    csv_logger = "lightning.pytorch.loggers.CSVLogger"
    result = run(*SHORT, f"+logger.one._target_={csv_logger}", f"+logger.two._target_={csv_logger}")
    assert {path.relative_to(result.folder).parts[0] for path in result.folder.rglob("metrics.csv")} == {"one", "two"}


def test_two_callbacks_of_one_class_have_separate_states() -> None:
    diagnostics = "gradexp.callbacks.Diagnostics"
    stopper = "lightning.pytorch.callbacks.EarlyStopping"
    settings = [
        f"+callbacks.often._target_={diagnostics}", "+callbacks.often.every_n_steps=10",
        "+callbacks.often.quantities=[grad_norm]",
        f"+callbacks.seldom._target_={diagnostics}", "+callbacks.seldom.every_n_steps=20",
        "+callbacks.seldom.quantities=[weight_norm]",
        f"+callbacks.patient._target_={stopper}", "+callbacks.patient.monitor=val/loss",
        "+callbacks.patient.patience=9",
        f"+callbacks.strict._target_={stopper}", "+callbacks.strict.monitor=val/loss", "+callbacks.strict.patience=8",
    ]  # fmt: skip
    whole = run(*SHORT, *settings, "test=false", "hydra.run.dir=whole")
    states = {key: value for key, value in checkpoint(whole.folder)["callbacks"].items() if "EarlyStopping" in key}
    assert sorted(state["patience"] for state in states.values()) == [8, 9]
    tags = events(whole.folder).Tags()["scalars"]
    assert [event.step for event in events(whole.folder).Scalars("weights/grad_norm/network.output")][:3] == [1, 11, 21]
    assert {"weights/grad_norm/network.output", "weights/weight_norm/network.output"} <= set(tags)
    run(*SHORT, *settings, "trainer.max_epochs=1", "test=false", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_epochs=3", TRUSTED, "figures=false")
    assert_same(whole.folder, resumed.folder)
    again = {key: value for key, value in checkpoint(resumed.folder)["callbacks"].items() if "EarlyStopping" in key}
    assert repr(again) == repr(states)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("+trainer.logger=false",), ["trainer.logger cannot be given"]),
        (("+trainer.max_epoch=1",), ["trainer.max_epoch", "Did you mean max_epochs?"]),
        (("+logger.csv._target_=os.system",), ["logger.csv._target_ must name a class in a trusted package"]),
        (("+logger.csv._target_=lightning.pytorch.loggers.CSVLoger",), ["Did you mean CSVLogger?"]),
        ((named("Plain"), "model.widht=3"), ["model.widht", "Did you mean width?"]),
        ((named("Plian"),), ["model._target_ must name a LightningModule", "Did you mean Plain?"]),
        (
            ("model._target_=other_package.Plain",),
            ["trusted package", "trusted_packages=[gradexp,tests,other_package]"],
        ),
    ],
)
def test_settings_that_do_not_fit_get_one_message(
    overrides: tuple[str, ...], words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = str(call(monkeypatch, *SHORT, *overrides))
    for word in words:
        assert word in message
    assert "Traceback" not in message + capsys.readouterr().err


def test_additional_trainer_arguments_reach_the_trainer() -> None:
    result = run(*SHORT, "+trainer.limit_train_batches=2", "+trainer.val_check_interval=1.0")
    assert result.metrics["steps"] == 3 * 2
