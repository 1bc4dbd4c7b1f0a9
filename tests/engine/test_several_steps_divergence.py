"""A fit that diverges gives the same message with several steps at once as with single steps."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gradexp import run
from gradexp.callbacks import Diverged, Divergence
from gradexp.engine.checkpoints import Checkpoints
from gradexp.models import MLPRegressor
from tests.engine.several_steps import EPOCHS, GROUP_SIZE, TRAIN, data, exactly, fit

LONG = {"batch_size": None, "repeat": 100}  # an epoch of 100 steps, as a rate of 0.75 diverges after about 150


def message(number: int, **settings: Any) -> str:
    with pytest.raises(Diverged) as diverged:
        fit(number, Divergence(GROUP_SIZE), **settings)
    return str(diverged.value)


def first_step_not_finite(lr: float) -> tuple[int, str]:
    """The first step that is not finite, and whether its output or its loss is, by a plain loop."""
    lines = data(1)
    lines.setup("fit")
    inputs, targets = lines.sample(TRAIN)
    torch.manual_seed(0)
    line = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(line.parameters(), lr=lr)
    step = 0
    while True:
        step += 1
        outputs = line(inputs)
        loss = F.mse_loss(outputs, targets)
        if not outputs.sum().isfinite():
            return step, "output"
        if not loss.isfinite():
            return step, "loss"
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
        optimizer.step()


@pytest.mark.parametrize("lr", [0.75, 0.8, 10.0, 1e30])
def test_the_message_names_the_first_step_that_diverges(lr: float) -> None:
    step, place = first_step_not_finite(lr)
    several = message(GROUP_SIZE, epoch=LONG, optimizer={"_target_": "torch.optim.SGD", "lr": lr})
    assert several.startswith(f"at step {step} the {place}")
    assert several == message(1, epoch=LONG, optimizer={"_target_": "torch.optim.SGD", "lr": lr})


@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_message_names_the_layer_as_with_single_steps(epoch: str) -> None:
    settings = {"epoch": EPOCHS[epoch], "model_class": MLPRegressor, "hidden": (8,), "activation": "relu"}
    several = message(GROUP_SIZE, optimizer={"_target_": "torch.optim.SGD", "lr": 3.0}, **settings)
    assert several == message(1, optimizer={"_target_": "torch.optim.SGD", "lr": 3.0}, **settings)


def test_trial_points_of_lbfgs_do_not_count_as_divergence() -> None:
    optimizer = {"_target_": "torch.optim.LBFGS", "lr": 1.0, "max_iter": 5}
    assert fit(GROUP_SIZE, Divergence(GROUP_SIZE), optimizer=optimizer).state == fit(1, optimizer=optimizer).state


def test_the_last_checkpoint_is_from_before_the_divergence(own_folder: Path) -> None:
    # The fit diverges in the second epoch, so last.ckpt is from step 100.
    settings: dict[str, Any] = {"epoch": LONG, "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.75}}
    assert 100 < first_step_not_finite(0.75)[0] < 200
    with pytest.raises(Diverged):
        fit(GROUP_SIZE, Divergence(GROUP_SIZE), Checkpoints(own_folder, "train/loss", "min", {}), **settings)
    left = torch.load(own_folder / "last.ckpt", weights_only=True)
    assert left["global_step"] == 100
    assert exactly(left["state_dict"]) == fit(1, trainer={"max_epochs": 1}, **settings).state["weights"]
    assert all(tensor.isfinite().all() for tensor in left["state_dict"].values())


def test_a_diverged_run_reports_the_same_reason_as_with_single_steps() -> None:
    settings = ("+experiment=linear_regression", "optimizer.lr=1", "data.repeat=100", "figures=false")
    several, single = (run(*settings, f"data.steps_per_execution={n}", f"hydra.run.dir=by{n}") for n in (50, 1))
    assert several.metrics["status"] == "diverged"
    assert several.metrics["reason"].startswith("at step ")
    assert several.metrics["reason"] == single.metrics["reason"]
    left = torch.load(several.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in left["state_dict"].values())
