"""A typed class replaces its section, and its arguments need no plus, in single runs and in sweeps."""

import itertools
import subprocess
import sys

import pytest
import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig

from gradexp import compose
from gradexp.app.composition import with_overrides
from gradexp.app.errors import explain
from gradexp.configuration.values import plain
from gradexp.sweeps.launch.command import make_plan
from tests.command_line import call
from tests.configuration.options import GROUPS
from tests.hydra_jobs import composing, content
from tests.sweeps.dry_run import listed

pytestmark = pytest.mark.slow

NADAM, SGD = "torch.optim.NAdam", "torch.optim.SGD"
TYPED = f"optimizer._target_={NADAM}"
CALLBACKS = "gradexp.callbacks"


@pytest.mark.parametrize(
    "overrides",
    [
        [TYPED, "optimizer.lr=0.1", "optimizer.momentum_decay=0.5"],
        ["optimizer.momentum_decay=0.5", "optimizer.lr=0.1", TYPED],
        [f"+{TYPED}", "+optimizer.lr=0.1", "++optimizer.momentum_decay=0.5"],
        ["optimizer=sgd", "optimizer.lr=0.1", TYPED, "optimizer.momentum_decay=0.5"],
        [f"optimizer._target_='{NADAM}'", "optimizer={lr:0.1,momentum_decay:0.5}"],
        [f"optimizer={{_target_:{NADAM},lr:0.1,momentum_decay:0.5}}"],
        ["optimizer.lr=0.1", TYPED, "optimizer.momentum_decay=0.5", "+experiment=mnist_best"],
    ],
    ids=" ".join,
)
def test_a_typed_class_keeps_only_typed_keys(overrides: list[str]) -> None:
    assert compose(*overrides).optimizer == {"_target_": NADAM, "lr": 0.1, "momentum_decay": 0.5}


def test_typing_the_class_of_the_option_keeps_only_typed_keys() -> None:
    assert compose("optimizer._target_=torch.optim.Adam").optimizer == {"_target_": "torch.optim.Adam"}


def test_several_classes_can_be_typed_at_once() -> None:
    cfg = compose(
        "data._target_=gradexp.data.Digits",
        "data.batch_size=16",
        "model._target_=gradexp.models.SoftmaxRegression",
        "loss._target_=torch.nn.HuberLoss",
        "loss.delta=2.0",
        TYPED,
        "scheduler._target_=torch.optim.lr_scheduler.ExponentialLR",
        "scheduler.gamma=0.9",
    )
    assert {name: cfg[name] for name in ("data", "model", "loss", "optimizer", "scheduler")} == {
        "data": {"_target_": "gradexp.data.Digits", "batch_size": 16},
        "model": {"_target_": "gradexp.models.SoftmaxRegression"},
        "loss": {"_target_": "torch.nn.HuberLoss", "delta": 2.0},
        "optimizer": {"_target_": NADAM},
        "scheduler": {"_target_": "torch.optim.lr_scheduler.ExponentialLR", "gamma": 0.9},
    }


def test_a_typed_callback_replaces_the_one_of_its_name_only() -> None:
    cfg = compose("+callbacks=diagnostics", f"callbacks.diagnostics._target_={CALLBACKS}.Sparsity")
    assert cfg.callbacks == {"diagnostics": {"_target_": f"{CALLBACKS}.Sparsity"}}
    cfg = compose("+callbacks=sparsity", f"callbacks.mine._target_={CALLBACKS}.Sparsity", "callbacks.mine.threshold=1")
    assert cfg.callbacks == {
        "sparsity": {"_target_": f"{CALLBACKS}.Sparsity", "threshold": 0.001},
        "mine": {"_target_": f"{CALLBACKS}.Sparsity", "threshold": 1},
    }


def test_arguments_of_an_options_class_need_no_plus() -> None:
    adam = compose().optimizer
    for plus in ("", "+", "++"):
        assert compose(f"{plus}optimizer.amsgrad=true", f"{plus}optimizer.lr=1").optimizer == {
            **adam,
            "amsgrad": True,
            "lr": 1,
        }
    assert "betas" not in compose("~optimizer.betas").optimizer


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["optimizer.lr.x=1"],
            "optimizer.lr.x is not a key of the configuration, as optimizer.lr has a value and no keys.",
        ),
        ([TYPED, "optimizer.lr.x=1", "optimizer.lr=2"], "optimizer.lr is not a key of the configuration"),
        (["callbacks.mine.every_n_steps=1"], "callbacks.mine is not a key of the configuration"),
        (["trainer.max_epoch=1"], "Did you mean trainer.max_epochs?"),
        (["optimizer=sdg", TYPED], "optimizer has no option sdg. Did you mean sgd?"),
        ([TYPED, "~optimizer.betas"], "optimizer.betas cannot be deleted"),
    ],
    ids=str,
)
def test_an_unknown_key_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(HydraException) as error:
        compose(*overrides)
    assert message in str(explain(error.value))


def test_cfg_job_prints_the_section() -> None:
    command = [sys.executable, "-m", "gradexp", TYPED, "optimizer.lr=0.1", "--cfg", "job"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert yaml.safe_load(done.stdout)["optimizer"] == {"_target_": NADAM, "lr": 0.1}


# A sweep's jobs


@pytest.mark.parametrize(
    "command",
    [
        [f"optimizer._target_={NADAM},{SGD}", "optimizer.lr=1e-3,1e-4"],
        ["optimizer=sgd,adam", "optimizer.maximize=true,false", "optimizer.weight_decay=0.1"],
        ["optimizer=sgd", f"optimizer._target_={NADAM},{SGD}"],
        ["optimizer.lr=0.1", f"optimizer=momentum,{{_target_:{NADAM},weight_decay:0.1}}"],
        [f"optimizer._target_={NADAM},{SGD}", "optimizer.lr=0.1,0.2", "sweep.zip=[optimizer._target_,optimizer.lr]"],
        [f"+sweep.axes={{optimizer._target_:[{NADAM},{SGD}],optimizer.maximize:[true]}}", "+experiment=xor,mnist_best"],
        ["optimizer.lr=1,2", TYPED, "optimizer={lr:3}"],
        ["optimizer={lr:3}", TYPED, "optimizer.lr=1,2"],
        [
            "+callbacks=diagnostics,sparsity",
            f"callbacks.diagnostics._target_={CALLBACKS}.Sparsity",
            "callbacks.diagnostics.threshold=1",
        ],
        ["+optimizer.amsgrad=true,false", "optimizer.lr=1"],
        ["scheduler._target_=torch.optim.lr_scheduler.StepLR", "scheduler.step_size=1,2"],
    ],
    ids=" ".join,
)
def test_each_job_has_the_configuration_of_a_single_run(command: list[str]) -> None:
    with composing() as (composer, compose_by_hydra):
        planned = [job.overrides for job in make_plan(command, composer).jobs.values()]
        jobs = [
            (overrides, content(composer(overrides)), content(compose_by_hydra(overrides))) for overrides in planned
        ]
    assert len(jobs) > 1
    for overrides, from_composer, from_hydra in jobs:
        assert from_composer == from_hydra == content(compose(*overrides))


def test_classes_can_be_an_axis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    expected = [f"optimizer._target_={name} optimizer.lr={lr}" for name, lr in itertools.product((NADAM, SGD), (1, 2))]
    axis = f"optimizer._target_={NADAM},{SGD}"
    assert listed(monkeypatch, capsys, axis, "optimizer.lr=1,2") == expected
    # A typed axis of classes replaces the preset's axis of options.
    assert listed(monkeypatch, capsys, "+sweep=optimizers", axis, "optimizer.lr=1,2") == expected
    rates = f"+sweep.axes={{optimizer.lr:{{optimizer._target_:{{{NADAM}:[1],{SGD}:[2,3]}}}}}}"
    assert [job.rpartition("=")[2] for job in listed(monkeypatch, capsys, axis, rates)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "command",
    [
        ["optimizer=sgd,adam", TYPED],
        ["optimizer=sgd,adam", f"optimizer._target_={NADAM},{SGD}"],
        [f"+sweep.axes={{optimizer:[sgd,adam],optimizer._target_:[{NADAM},{SGD}]}}"],
        ["hydra/sweeper=basic", "optimizer=sgd,adam", TYPED],
    ],
    ids=" ".join,
)
def test_a_class_beside_an_axis_of_options_is_refused(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, "-m", *command)
    assert str(message).startswith("error: optimizer must not have several values if optimizer._target_ is given")


# A checkpoint's configuration


def resumed(saved: list[str], *overrides: str) -> DictConfig:
    return with_overrides(plain(compose(*saved)), compose(*overrides), list(overrides), GROUPS)


def test_a_typed_class_replaces_the_checkpoints_section() -> None:
    typed = (TYPED, "optimizer.lr=0.3")
    cfg = resumed(["optimizer=momentum", "model.hidden=[7]", "+callbacks=sparsity"], *typed)
    assert cfg.optimizer == {"_target_": NADAM, "lr": 0.3}
    assert cfg.model.hidden == [7]
    callback = f"callbacks.sparsity._target_={CALLBACKS}.Diagnostics"
    assert resumed(["+callbacks=sparsity"], callback).callbacks == {
        "sparsity": {"_target_": f"{CALLBACKS}.Diagnostics"}
    }


@pytest.mark.parametrize("typed", ["optimizer.lr=0.3", "optimizer={lr:0.3}"])
def test_a_typed_number_changes_the_checkpoints_class(typed: str) -> None:
    saved = [TYPED, "optimizer.lr=0.1", "optimizer.momentum_decay=0.5"]
    assert resumed(saved, typed).optimizer == {"_target_": NADAM, "lr": 0.3, "momentum_decay": 0.5}
    assert resumed(saved, "optimizer=sgd", typed).optimizer == compose("optimizer=sgd", typed).optimizer
