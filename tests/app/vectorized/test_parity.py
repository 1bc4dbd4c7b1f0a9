"""Sweeps on the vectorized launcher leave what the basic launcher leaves, up to rounding."""

import json
from pathlib import Path

import pytest
import torch

from tests.app.vectorized.comparison import differences
from tests.command_line import call
from tests.run_folder import checkpoint

# By name: the command line of a sweep of a few short jobs that all run in stacks.
SWEEPS = {
    "mlp": (
        "model.hidden=[8]", "seed=0,1", "optimizer.lr=1e-3,3e-3", "sweep.zip=[seed,optimizer.lr]",
        "trainer.max_epochs=3",
    ),
    "wide": ("model.hidden=[150,60]", "seed=0,1", "trainer.max_epochs=1"),
    "dropout": (
        "model.hidden=[16]", "model.dropout=0.1,0.5", "seed=0,1", "sweep.zip=[model.dropout,seed]",
        "trainer.max_epochs=2", "optimizer=momentum",
        "optimizer.lr=0.05", "trainer.gradient_clip_val=0.5",
    ),
    "augmentation": (
        "+experiment=digits", "model.hidden=[16]", "seed=0,1", "optimizer.lr=1e-3,3e-3", "trainer.max_epochs=2",
        "scheduler=none",
    ),
    "schedules": ("model.hidden=[8]", "scheduler=none,cosine,step,onecycle,plateau", "trainer.max_epochs=2"),
    "losses": (
        "model.hidden=[8]", "loss=cross_entropy", "loss.label_smoothing=0,0.1", "loss.class_weight=balanced",
        "optimizer=rmsprop", "trainer.max_epochs=2",
    ),
    "penalties": (
        "model.hidden=[8]", "optimizer=sgd", "regularizer.proximal=true", "regularizer.l1=1e-4,1e-3",
        "+regularizer.group_lasso=1e-4", "trainer.max_epochs=2",
    ),
    "ending early": (
        "model.hidden=[16]", "early_stopping.patience=1", "optimizer.lr=1e-2,3e-2", "trainer.max_epochs=4,6",
        "sweep.zip=[optimizer.lr,trainer.max_epochs]",
        "target_score=0.9", "seed=3",
    ),
    "linear regression": ("+experiment=linear_regression", "seed=0,1", "trainer.max_epochs=1", "data.repeat=60"),
    "logistic regression": ("+experiment=logistic_regression", "seed=0,1", "trainer.max_epochs=1", "data.repeat=60"),
    "softmax regression": ("model=softmax_regression", "regularizer.l2=0,1e-3", "trainer.max_epochs=2"),
    "sigmoid units": ("model=sigmoid_units", "optimizer=sgd", "optimizer.lr=0.1,0.3", "trainer.max_epochs=2"),
    "from scratch": ("model=mlp_from_scratch", "model.hidden=[8]", "seed=0,1", "trainer.max_epochs=2"),
    "table": ("data=diabetes", "model.hidden=[8]", "seed=0,1", "trainer.max_epochs=1", "data.repeat=3"),
    "descent": ("+experiment=himmelblau", "model.start=[0,0],[-4,4]", "trainer.max_epochs=1"),
    "folds": ("model.hidden=[8]", "data.folds=3", "data.fold=0,1,2", "data.split_seed=0,1", "trainer.max_epochs=2"),
    "own activation": ("model.hidden=[8]", "model.activation=torch.nn.PReLU", "seed=0,1", "trainer.max_epochs=2"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_jobs_leave_what_they_leave_alone(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for launcher in ("basic", "vectorized"):
        line = ("-m", *SWEEPS[name], f"hydra/launcher={launcher}", f"hydra.sweep.dir={launcher}")
        assert call(monkeypatch, *line) is None
    assert "one by one" not in capsys.readouterr().err
    jobs = sorted(path.name for path in Path("basic").iterdir() if path.name.isdigit())
    assert len(jobs) > 1
    assert {job: differences(Path("basic", job), Path("vectorized", job)) for job in jobs} == {job: [] for job in jobs}


def test_a_job_that_diverges_ends_as_alone_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = ("model.hidden=[8]", "optimizer=sgd", "optimizer.lr=0.1,1e6", "trainer.max_epochs=2")
    for launcher in ("basic", "vectorized"):
        assert call(monkeypatch, "-m", *sweep, f"hydra/launcher={launcher}", f"hydra.sweep.dir={launcher}") is None
    assert differences(Path("basic/0"), Path("vectorized/0")) == []
    alone, stacked = (json.loads(Path(launcher, "1/metrics.json").read_text()) for launcher in ("basic", "vectorized"))
    for key in ("status", "reason", "steps", "epochs", "config_hash"):
        assert stacked[key] == alone[key]
    weights = [checkpoint(Path(launcher, "1"), "last")["state_dict"] for launcher in ("basic", "vectorized")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
