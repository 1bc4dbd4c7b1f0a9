"""Settings that the engine refuses, and half precision."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, StochasticWeightAveraging
from lightning.pytorch.plugins import MixedPrecision

from gradexp.models import MLPRegressor
from tests.command_line import call
from tests.engine.lightning_comparison import train

LBFGS: dict[str, Any] = {"_target_": "torch.optim.LBFGS", "max_iter": 3}


def half_precision() -> list[Any]:
    """16-mixed on the CPU, with a gradient scaler as on a GPU."""
    return [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**10))]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"callbacks": [GradientAccumulationScheduler({4: 3, 2: 2})]},
            ["GradientAccumulationScheduler", "trainer.accumulate_grad_batches={0:1,2:2,4:3}"],
        ),
        (
            {"callbacks": [StochasticWeightAveraging(0.01)], "batch_norm": True},
            ["StochasticWeightAveraging", "batch norm", "model.batch_norm=false", "EMAWeightAveraging"],
        ),
        (
            {"optimizer": LBFGS, "plugins": "half"},
            ["L-BFGS", "trainer.precision must not be 16-mixed", "trainer.precision=bf16-mixed"],
        ),
        (
            {"optimizer": LBFGS, "accumulate_grad_batches": 2},
            ["L-BFGS", "trainer.accumulate_grad_batches must be 1", "got 2", "data.batch_size"],
        ),
        (
            {"optimizer": LBFGS, "accumulate_grad_batches": {3: 4}},
            ["L-BFGS", "trainer.accumulate_grad_batches must be 1", "got 4"],
        ),
    ],
    ids=lambda value: "",
)
def test_unsupported_settings_are_refused_before_the_first_step(settings: dict[str, Any], words: list[str]) -> None:
    callbacks = settings.pop("callbacks", [])
    if settings.get("plugins") == "half":
        settings["plugins"] = half_precision()
    with pytest.raises(ValueError, match=r".") as refused:
        train(True, *callbacks, **settings)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("setting", [0, -1, 1.5, True, {}, {0: 0}, {-1: 2}, {0: 1.5}, {"a": 2}, [2], None])
def test_an_invalid_accumulation_is_refused(setting: Any) -> None:
    with pytest.raises(ValueError, match=r"^accumulate_grad_batches must be a whole number of at least 1, or"):
        train(True, accumulate_grad_batches=setting)


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "null", "text", "{}", "{0:0}", "{-1:2}", "{a:2}", "[2]", "true"])
def test_the_command_line_refuses_an_invalid_accumulation(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(call(monkeypatch, f"trainer.accumulate_grad_batches={typed}"))
    assert "trainer.accumulate_grad_batches must be a whole number of at least 1, or such numbers by epoch" in message


@pytest.mark.parametrize("number", [1, 7])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_half_precision_takes_the_steps_of_lightnings_loop(clip: float | None, number: int) -> None:
    """Equal steps show that gradients are unscaled before they are clipped, as in Lightning's loop."""
    runs = [
        train(stepped, plugins=half_precision(), gradient_clip_val=clip, accumulate_grad_batches=number, max_epochs=1)
        for stepped in (True, False)
    ]
    assert runs[0].steps == runs[1].steps != []
    assert runs[0].weights == runs[1].weights


def test_clipping_bounds_a_step_in_half_precision() -> None:
    lengths = []
    for clip in (None, 1e-3):
        sgd = {"_target_": "torch.optim.SGD", "lr": 1.0}
        run = train(True, plugins=half_precision(), gradient_clip_val=clip, max_steps=1, optimizer=sgd)
        torch.manual_seed(0)
        start = MLPRegressor(2, 1, (8,))
        moved = [after - before for after, before in zip(run.module.parameters(), start.parameters(), strict=True)]
        lengths.append(torch.cat([change.detach().flatten() for change in moved]).norm().item())
    assert lengths[0] > 0.1
    assert lengths[1] == pytest.approx(1e-3, rel=1e-2)


def test_a_fused_optimizer_is_built_unfused_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    fused = {"_target_": "torch.optim.Adam", "lr": 0.01, "fused": True}
    run = train(True, plugins=half_precision(), gradient_clip_val=0.1, optimizer=fused, max_steps=3)
    assert run.trainer.optimizers[0].defaults["fused"] is False
    assert "optimizer.fused is false under trainer.precision=16-mixed" in caplog.text
    assert run.trainer.global_step == 3
    run = train(True, precision="bf16-mixed", gradient_clip_val=0.1, optimizer=fused, max_steps=3)
    assert run.trainer.optimizers[0].defaults["fused"] is False
    assert "optimizer.fused is false under trainer.precision=bf16-mixed with trainer.gradient_clip_val" in caplog.text
    caplog.clear()
    assert train(True, optimizer=fused, max_steps=3).trainer.optimizers[0].defaults["fused"] is True
    assert "fused" not in caplog.text


def test_a_fit_leaves_the_trainers_clipping_and_accumulation_unchanged() -> None:
    run = train(True, gradient_clip_val=0.5, accumulate_grad_batches=4)
    trainer: Trainer = run.trainer
    assert (trainer.gradient_clip_val, trainer.accumulate_grad_batches) == (0.5, 4)
