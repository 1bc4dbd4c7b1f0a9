"""Arguments that all models share: typed once, flat for Lightning's command line, saved, and checked by name."""

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningCLI

import gradexp.models
from gradexp.data import BreastCancer, Diabetes, Digits, NoData
from gradexp.models import AbstractClassifier, MLPClassifier
from gradexp.objective.objective import ObjectiveOptions
from tests.models.fitting import fitted
from tests.objective.fitting_losses import FITS, batches_for, made

OPTIONS: dict[str, Any] = {
    "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.05},
    "l1": 0.0,
    "l2": 0.0,
    "monitor": "val/loss",
    "monitor_mode": "min",
}


def concrete() -> list[str]:
    return [name for name in gradexp.models.__all__ if not name.startswith("Abstract")]


@pytest.mark.parametrize("name", concrete())
def test_a_misspelt_argument_is_an_error_that_names_the_right_one(name: str) -> None:
    cls = getattr(gradexp.models, name)
    arguments: dict[str, Any] = {"in_features": 2} if "in_features" in inspect.signature(cls).parameters else {}
    for misspelt, right in (("optimiser", "optimizer"), ("penaltys", "penalties"), ("monitor_mod", "monitor_mode")):
        with pytest.raises(TypeError, match=rf"{name} has no argument {misspelt}\. Did you mean {right}\?"):
            cls(**arguments, **{misspelt: None})


class Own(AbstractClassifier):
    """A user's, with options of any name."""

    def __init__(self, width: int = 3, **options: Any) -> None:
        super().__init__(torch.nn.Linear(2, width), width, **options)


def test_a_sub_class_of_the_users_own_refuses_what_is_misspelt_too() -> None:
    assert Own(l2=0.1).objective.factor("l2") == 0.1
    with pytest.raises(TypeError, match=r"Own has no argument l3\."):
        Own(l3=0.1)


@pytest.mark.parametrize("name", concrete())
def test_every_option_is_taken_by_every_model(name: str) -> None:
    names = set(get_type_hints(ObjectiveOptions))
    assert {"loss", "optimizer", "scheduler", "l1", "l2", "penalties", "metrics", "monitor"} <= names
    assert names <= set(gradexp.arguments.arguments_of(getattr(gradexp.models, name)))


@pytest.mark.parametrize("name", concrete())
def test_hyperparameters_make_the_model_again_from_a_plain_checkpoint(name: str, own_folder: Path) -> None:
    model = made(name, **OPTIONS)
    trainer = fitted(model, batches_for(model), precision="32-true")
    trainer.save_checkpoint("model.ckpt")
    again = type(model).load_from_checkpoint("model.ckpt", weights_only=True)
    assert dict(again.hparams) == dict(model.hparams)
    assert again.hparams["optimizer"] == OPTIONS["optimizer"]
    assert "trusted_packages" not in model.hparams
    for parameter, restored in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(parameter, restored)


DATA: dict[str, type] = {"LinearRegression": Diabetes, "MLPRegressor": Diabetes, "LogisticRegression": BreastCancer}
DATA |= {"Rosenblatt": BreastCancer, "FunctionDescent": NoData}


@pytest.mark.parametrize("name", concrete())
def test_lightnings_command_line_has_the_options_flat(
    name: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["cli"])
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning calls what jsonargparse renamed
    data: Any = DATA.get(name, Digits)
    own = {"FunctionDescent": ["--model.surface=himmelblau"]}.get(name)
    own = own or [f"--model.in_features={ {Diabetes: 10, BreastCancer: 30}.get(data, 64) }".replace(" ", "")]
    own += ["--model.num_classes=10"] if data is Digits else []
    is_penalised = name not in ("Rosenblatt", "FunctionDescent")
    options = ["--model.l2=0.001", "--model.monitor=train/loss"] if is_penalised else []
    options += ['--model.optimizer={"_target_": "torch.optim.SGD", "lr": 0.01}']
    quiet = ["accelerator=cpu", "enable_progress_bar=false", "enable_model_summary=false", "logger=false"]
    quiet += ["max_epochs=1", "limit_train_batches=2", "limit_val_batches=0", "enable_checkpointing=false"]
    trainer = [f"--trainer.{setting}" for setting in quiet]
    cli = LightningCLI(
        getattr(gradexp.models, name), data, args=["fit", *own, *options, *trainer], seed_everything_default=False,
        save_config_callback=None,
    )  # fmt: skip
    assert isinstance(cli.trainer, Trainer)
    assert cli.trainer.global_step > 0
    assert cli.model.objective.optimizer == {"_target_": "torch.optim.SGD", "lr": 0.01}
    assert cli.model.objective.factor("l2") == (0.001 if is_penalised else 0.0)


def test_the_table_of_models_is_whole() -> None:
    assert set(concrete()) == set(FITS)


def test_the_old_way_to_name_an_optimizer_is_answered_when_the_model_is_made() -> None:
    with pytest.raises(ValueError, match=r"optimizer\._target_ must be the dotted path of an optimizer.*got \{'name'"):
        MLPClassifier(4, 3, optimizer={"name": "Adam"})
