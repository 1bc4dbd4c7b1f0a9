"""A resumed fit uses a changed setting from its first step on, as a plain torch loop that continues the same states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from gradexp import Result, run
from gradexp.data import Blobs
from tests.power_cut import PowerCut, cut_power_at
from tests.run_folder import checkpoint

pytestmark = pytest.mark.slow

QUIET = ("figures=false", "test=false", "trainer.accelerator=cpu")
BASE = ("data=blobs", "data.num_samples=100", "data.batch_size=16", "model=small_mlp", *QUIET)
BATCHES = 5  # an epoch: 80 training samples
SAVED, END = 2, 4  # epochs

Parameters = Sequence[dict[str, Any]]
Rates = Callable[[int], float]  # from the number of whole epochs


@dataclass(frozen=True)
class Case:
    """A fit of SAVED epochs that resumes up to END with other settings.

    Attributes:
        base: Settings of the first part.
        typed: The settings that change.
        keys: What metrics.json lists as changed.
        optimizer: The plain optimizer with the numbers after the change; its state is that of the checkpoint.
        rates: The learning rate by the whole epochs; None for the optimizer's own.
        by_step: Whether the rates are by step instead of by epoch.
        penalty: Of the network's weights.
        smoothing: Of the labels.
        clip: The largest norm of the gradient.
        accumulate: Batches in a step.
        batch_size: Samples in a batch.
        l1: The soft threshold over the learning rate.
    """

    base: tuple[str, ...]
    typed: tuple[str, ...]
    keys: tuple[str, ...]
    optimizer: Callable[[Parameters], Optimizer]
    rates: Rates | None = None
    by_step: bool = False
    penalty: Callable[[torch.Tensor], torch.Tensor] | None = None
    smoothing: float = 0.0
    clip: float | None = None
    accumulate: int = 1
    batch_size: int = 16
    l1: float = 0.0


def sgd(**numbers: Any) -> Callable[[Parameters], Optimizer]:
    return lambda parameters: SGD(parameters, **{"lr": 0.1, **numbers})


PLAIN_SGD = ("optimizer=sgd",)
STEP = ("optimizer=sgd", "scheduler=step", "scheduler.step_size=1", "scheduler.gamma=0.5")
CASES = {
    "momentum": Case(
        ("optimizer=momentum",),
        ("optimizer.lr=0.2", "optimizer.momentum=0.5", "optimizer.weight_decay=0.1", "optimizer.nesterov=true"),
        ("optimizer.lr", "optimizer.momentum", "optimizer.nesterov", "optimizer.weight_decay"),
        sgd(lr=0.2, momentum=0.5, weight_decay=0.1, nesterov=True),
    ),
    "an option of the same class": Case(
        ("optimizer=momentum", "optimizer.lr=0.1"), ("optimizer=sgd",), ("optimizer.momentum",), sgd(momentum=0.0)
    ),
    "adam": Case(
        ("optimizer=adam", "optimizer.fused=false"),
        ("optimizer.lr=0.02", "optimizer.betas=[0.5,0.9]", "optimizer.eps=1e-3"),
        ("optimizer.betas", "optimizer.eps", "optimizer.lr"),
        lambda parameters: Adam(parameters, lr=0.02, betas=(0.5, 0.9), eps=1e-3),
    ),
    "groups": Case(
        ("optimizer=adamw", "optimizer.fused=false", "optimizer.no_decay=[bias]"),
        ("optimizer.lr=0.02", "optimizer.weight_decay=0.3"),
        ("optimizer.lr", "optimizer.weight_decay"),
        lambda parameters: AdamW([parameters[0], parameters[1] | {"weight_decay": 0.0}], lr=0.02, weight_decay=0.3),
    ),
    "rmsprop": Case(
        ("optimizer=rmsprop",),
        ("optimizer.lr=0.01", "optimizer.alpha=0.5"),
        ("optimizer.alpha", "optimizer.lr"),
        lambda parameters: RMSprop(parameters, lr=0.01, alpha=0.5),
    ),
    "penalties": Case(
        PLAIN_SGD,
        ("regularizer.l1=0.01", "regularizer.l2=0.02"),
        ("regularizer.l1", "regularizer.l2"),
        sgd(),
        penalty=lambda weight: 0.01 * weight.abs().sum() + 0.02 * weight.square().sum(),
    ),
    "proximal": Case(
        (*PLAIN_SGD, "regularizer.l1=0.01"),
        ("regularizer.l1=0.05", "regularizer.proximal=true"),
        ("regularizer.l1", "regularizer.proximal"),
        sgd(),
        l1=0.05,
    ),
    "loss": Case(PLAIN_SGD, ("loss.label_smoothing=0.3",), ("loss.label_smoothing",), sgd(), smoothing=0.3),
    "clipping": Case(
        PLAIN_SGD, ("trainer.gradient_clip_val=0.01",), ("trainer.gradient_clip_val",), sgd(), clip=0.01
    ),
    "accumulation": Case(
        PLAIN_SGD, ("trainer.accumulate_grad_batches=2",), ("trainer.accumulate_grad_batches",), sgd(), accumulate=2
    ),
    "batch size": Case(PLAIN_SGD, ("data.batch_size=40",), ("data.batch_size",), sgd(), batch_size=40),
    # The factor of a schedule that ends with the fit, wherever that ends, is kept.
    "step schedule": Case(
        STEP, ("optimizer.lr=0.2",), ("optimizer.lr",), sgd(), rates=lambda epochs: 0.2 * 0.5**epochs
    ),
    "factor of a schedule": Case(
        STEP, ("scheduler.gamma=0.1",), ("scheduler.gamma",), sgd(), rates=lambda epochs: 0.025 * 0.1 ** (epochs - 2)
    ),
    "plateau": Case(
        # No score improves by a hundred, so the rate falls after each epoch but the first.
        ("optimizer=sgd", "scheduler=plateau", "scheduler.patience=0", "scheduler.threshold=100",
         "scheduler.factor=0.5"),
        ("optimizer.lr=0.2", "scheduler.factor=0.1"),
        ("optimizer.lr", "scheduler.factor"),
        sgd(),
        rates=lambda epochs: 0.1 * 0.1 ** (epochs - 2),
    ),
    "warm-up by step": Case(
        ("optimizer=sgd", "scheduler.warmup_steps=20"),
        ("optimizer.lr=0.4",),
        ("optimizer.lr",),
        sgd(),
        rates=lambda steps: 0.4 * min(1, (steps + 1) / 20),
        by_step=True,
    ),
    "warm-up, then a schedule by step": Case(
        (*STEP, "scheduler.interval=step", "scheduler.step_size=4", "scheduler.warmup_steps=12"),
        ("optimizer.lr=0.4",),
        ("optimizer.lr",),
        sgd(),
        rates=lambda steps: 0.4 * ((steps + 1) / 12 if steps < 12 else 0.5 ** ((steps - 12) // 4)),
        by_step=True,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def first_part(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """The first part of a fit with the given settings, made once for each."""
    return cache(
        lambda *base: run(
            *BASE, *base, f"trainer.max_epochs={SAVED}", f"hydra.run.dir={tmp_path_factory.mktemp('first')}"
        )
    )


@pytest.fixture(scope="module")
def unchanged_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, torch.Tensor]]:
    """The weights in which a first part ends that is resumed without a change, made once for each."""

    def resumed(first: Path) -> dict[str, torch.Tensor]:
        last, folder = f"ckpt_path={first}/checkpoints/last.ckpt", tmp_path_factory.mktemp("unchanged")
        result = run(last, *QUIET, f"trainer.max_epochs={END}", f"hydra.run.dir={folder}")
        assert "resumed" not in result.metrics
        weights: dict[str, torch.Tensor] = checkpoint(folder)["state_dict"]
        return weights

    return cache(resumed)


def plain_weights(case: Case, start: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights after the remaining epochs, trained by a plain loop from the states of a checkpoint."""
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    network.load_state_dict(dict(zip(network.state_dict(), start["state_dict"].values(), strict=True)))
    parameters = list(network.parameters())
    saved = start["optimizer_states"][0]
    groups = [{"params": [parameters[number] for number in group["params"]]} for group in saved["param_groups"]]
    if len(groups) > 1:  # weights, and biases
        groups = [{"params": parameters[0::2]}, {"params": parameters[1::2]}]
    optimizer = case.optimizer(groups)
    optimizer.load_state_dict({"state": saved["state"], "param_groups": optimizer.state_dict()["param_groups"]})
    data = Blobs(2, 2, 2.0, num_samples=100, batch_size=case.batch_size, val_size=0.2)
    data.setup("fit")
    loader = data.train_dataloader()
    step = start["global_step"]
    for epoch in range(SAVED, END):
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        for number, (inputs, targets) in enumerate(batches, start=1):
            if number % case.accumulate == 1 or case.accumulate == 1:
                optimizer.zero_grad()
            loss = F.cross_entropy(network(inputs), targets, label_smoothing=case.smoothing)
            if case.penalty is not None:
                loss = loss + sum(case.penalty(weight) for weight in parameters[0::2])
            (loss / case.accumulate).backward()  # type: ignore[no-untyped-call]
            if number % case.accumulate and number < len(batches):
                continue
            if case.clip is not None:
                nn.utils.clip_grad_norm_(parameters, case.clip)
            if case.rates is not None:
                for group in optimizer.param_groups:
                    group["lr"] = case.rates(step if case.by_step else epoch)
            optimizer.step()
            step += 1
            with torch.no_grad():
                for weight in parameters[0::2] if case.l1 else []:
                    weight.copy_(weight.sign() * (weight.abs() - 0.1 * case.l1).clamp(min=0))
    return dict(zip(start["state_dict"], network.state_dict().values(), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_change_takes_effect_from_the_step_of_the_resume_on(
    name: str, first_part: Callable[..., Result], unchanged_weights: Callable[[Path], dict[str, torch.Tensor]]
) -> None:
    case = CASES[name]
    first = first_part(*case.base)
    start = checkpoint(first.folder)
    again = run(
        f"ckpt_path={first.folder}/checkpoints/last.ckpt",
        *case.typed,
        *QUIET,
        f"trainer.max_epochs={END}",
        "hydra.run.dir=second",
    )
    expected = plain_weights(case, start)
    found = checkpoint(again.folder)["state_dict"]
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-5, atol=1e-6, msg=key)
    assert [change["key"] for change in again.metrics["resumed"]] == list(case.keys)
    assert {change["step"] for change in again.metrics["resumed"]} == {SAVED * BATCHES}
    # The loop would see a change without effect.
    plain = unchanged_weights(first.folder)
    assert any(not torch.allclose(plain[key], tensor, rtol=1e-3, atol=1e-4) for key, tensor in expected.items())


def test_changes_at_step_0_are_those_of_a_fit_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    base = ("data=digits", "model.hidden=[8]", "data.batch_size=200", "optimizer=momentum", "trainer.max_epochs=2")
    typed = (
        "optimizer.lr=0.2", "optimizer.momentum=0.5", "regularizer.l1=1e-4", "model.dropout=0.3", "augmentation=affine",
        "loss.label_smoothing=0.1", "loss.class_weight=[1,2,1,1,1,1,1,1,1,1]", "trainer.gradient_clip_val=0.5",
        "trainer.accumulate_grad_batches=2", "data.batch_size=100", "early_stopping.patience=5",
        "metrics.recall._target_=torchmetrics.Recall",
    )  # fmt: skip
    with monkeypatch.context() as patch:
        cut_power_at(0, patch)
        with pytest.raises(PowerCut):
            run(*base, *QUIET, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt", *typed, *QUIET)
    whole = run(*base, *typed, *QUIET, "hydra.run.dir=whole")
    assert resumed.metrics["config_hash"] != whole.metrics["config_hash"], "reports must not take one for the other"
    ends = [checkpoint(result.folder)["state_dict"] for result in (resumed, whole)]
    for key, tensor in ends[1].items():
        assert torch.equal(ends[0][key], tensor), key
    names = [name for name in whole.metrics if name.startswith(("train/", "val/", "best/"))]
    assert "val/recall" in names
    assert {name: resumed.metrics[name] for name in names} == {name: whole.metrics[name] for name in names}
    listed = {change["key"]: (change["step"], change["old"], change["new"]) for change in resumed.metrics["resumed"]}
    assert listed["optimizer.lr"] == (0, 0.05, 0.2)
    assert listed["early_stopping.patience"] == (0, None, 5)
    assert listed.keys() >= {line.partition("=")[0] for line in typed if not line.startswith(("metrics", "augm"))}
