"""The number of steps at once changes only the speed: not logs, stops, resumes or hooks of sub-classes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.tuner.tuning import Tuner

from gradexp import run
from gradexp.engine.step_callback import StepCallback
from gradexp.models import LinearRegression, Rosenblatt
from gradexp.objective.optimizers import build_optimizer
from tests.command_line import call
from tests.engine.several_steps import GROUP_SIZE, Fit, Logged, data, exactly, fit, trainer_for

pytestmark = pytest.mark.slow

NUMBERS = [7, GROUP_SIZE, 1000]
RAGGED = {"batch_size": 8, "repeat": 7}  # 28 steps per epoch, of 8, 8, 8 and 6 samples
EVERY_10 = {"log_every_n_steps": 10, "max_epochs": 3}


class Logs(Callback):
    """Logs in a hook of every step, as in Lightning's documentation, and at the end of an epoch."""

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        pl_module.log("mine/norm", sum(p.grad.norm() for p in pl_module.parameters()))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pl_module.log("mine/epoch", float(trainer.current_epoch))


class LogsInItsStep(LinearRegression):  # type: ignore[misc]
    def training_objective(self, batch: Any) -> Any:
        objective, outputs = super().training_objective(batch)
        self.log("mine/first_target", batch[1][0].item(), on_step=True, on_epoch=True)
        return objective, outputs


def mine(result: Fit) -> list[tuple[int | None, dict[str, float]]]:
    entries = result.logged.entries
    return [(step, {k: v for k, v in values.items() if k.startswith("mine")}) for step, values in entries]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_callback_logs_the_same_values_with_groups(number: int, accumulated: int) -> None:
    settings = EVERY_10 | {"accumulate_grad_batches": accumulated}
    several, single = (fit(n, Logs(), epoch=RAGGED, trainer=settings) for n in (number, 1))
    assert several.data.steps_at_once == number
    found, expected = ([e for e in mine(result) if e[1]] for result in (several, single))
    assert [step for step, values in expected if "mine/epoch" in values] == [
        n * 28 // accumulated - 1 for n in (1, 2, 3)
    ]
    if accumulated == 1:
        assert found == expected != []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_modules_logged_mean_is_weighted_by_batch_size(number: int) -> None:
    several, single = (fit(n, epoch=RAGGED, trainer=EVERY_10, model_class=LogsInItsStep) for n in (number, 1))
    assert mine(several) == mine(single)
    assert several.metrics["mine/first_target_epoch"] == single.metrics["mine/first_target_epoch"]
    assert len([1 for _, values in mine(several) if "mine/first_target_step" in values]) == 8


class Stops(Callback):
    def on_before_zero_grad(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        trainer.should_stop |= trainer.global_step == 37


class StopsAfterStep(StepCallback):
    def on_step_end(self, trainer: Any, pl_module: Any, batch: Any) -> None:
        trainer.should_stop |= trainer.global_step == 38


@pytest.mark.parametrize("stop", [Stops, StopsAfterStep])
@pytest.mark.parametrize("number", NUMBERS)
def test_should_stop_ends_a_fit_at_that_step(number: int, stop: type[Callback]) -> None:
    several, single = (fit(n, stop(), epoch=RAGGED, trainer={"max_epochs": 5}) for n in (number, 1))
    assert several.trainer.global_step == single.trainer.global_step == 38
    assert several.state["weights"] == single.state["weights"]
    assert several.data._train_loader is not None
    assert several.data._train_loader.state_dict() == {"position": 10}


@pytest.mark.parametrize("number", [1, 7, GROUP_SIZE])
@pytest.mark.parametrize(
    ("cut", "then", "steps"),
    [
        (39, "trainer.accumulate_grad_batches=4", 44),  # at the end of an epoch; within one it is refused
        (39, "data.batch_size=64", 59),
        (50, "trainer.max_steps=123", 123),
    ],
)
def test_max_steps_holds_when_a_resumed_run_changes_its_batches(
    own_folder: Path, number: int, cut: int, then: str, steps: int
) -> None:
    settings = ("model.hidden=[20]", "trainer.max_epochs=9", "test=false", "figures=false")
    run(*settings, f"trainer.max_steps={cut}", "data.steps_per_execution=50", "hydra.run.dir=cut")
    again = ("task=train", "ckpt_path=cut/checkpoints/last.ckpt", f"trainer.max_steps={steps}", then)
    assert run(*again, f"data.steps_per_execution={number}").metrics["steps"] == steps


class ForgetsSuper(LinearRegression):  # type: ignore[misc]
    """Overrides a hook without calling the base class's hook, as is common."""

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        self.norm = max(p.grad.norm().item() for p in self.parameters() if p.grad is not None)


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_clipping_works_with_an_overridden_hook(algorithm: str) -> None:
    clipped = {"gradient_clip_val": 0.01, "gradient_clip_algorithm": algorithm, "max_epochs": 1}
    own = fit(GROUP_SIZE, model_class=ForgetsSuper, trainer=clipped)
    plain, unclipped = (fit(GROUP_SIZE, trainer=trainer) for trainer in (clipped, {"max_epochs": 1}))
    assert own.state["weights"] == plain.state["weights"] != unclipped.state["weights"]
    module: Any = own.module
    assert module.norm > 0.01, "the hook sees the gradient before it is clipped"


class OwnSchedule(LinearRegression):  # type: ignore[misc]
    watched, interval = "train/loss", "epoch"

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self.parameters(), {"_target_": "torch.optim.SGD", "lr": 0.05})
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=1e9, threshold_mode="abs")
        self.seen: list[float] = []
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": plateau, "monitor": self.watched, "interval": self.interval, "frequency": 1},
        }

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        self.seen.append(float(metric))
        super().lr_scheduler_step(scheduler, metric)


class OwnScheduleByStep(OwnSchedule):  # type: ignore[misc]
    watched, interval = "val/loss", "step"


def test_a_modules_own_schedule_watches_its_monitor() -> None:
    result = fit(GROUP_SIZE, model_class=OwnSchedule, trainer={"max_epochs": 3})
    module: Any = result.module
    assert len(module.seen) == 3
    assert module.seen[-1] == result.metrics["train/loss"]


def test_a_plateau_schedule_by_step_steps_after_each_step() -> None:
    known = Callback()
    known.on_train_start = lambda trainer, *_: trainer.callback_metrics.update({"val/loss": torch.tensor(1.0)})  # type: ignore[method-assign]
    for number in (GROUP_SIZE, 1):
        settings: dict[str, Any] = {"epoch": {"repeat": 20}, "trainer": {"max_epochs": 1}}
        module: Any = fit(number, known, model_class=OwnScheduleByStep, **settings).module
        assert len(module.seen) == 20


class TwoOptimizers(LinearRegression):  # type: ignore[misc]
    def configure_optimizers(self) -> Any:
        return [
            build_optimizer([parameter], {"_target_": "torch.optim.SGD", "lr": 0.1}) for parameter in self.parameters()
        ]


def test_two_optimizers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="multiple optimizers"):
        fit(GROUP_SIZE, model_class=TwoOptimizers)


def test_training_step_after_a_fit_returns_the_objective() -> None:
    module = fit(GROUP_SIZE).module
    before = exactly(module.state_dict())
    objective = module.training_step((torch.ones(4, 2), torch.ones(4, 1)), 0)
    assert objective.requires_grad
    assert exactly(module.state_dict()) == before


class Rate(LinearRegression):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(2, optimizer={"_target_": "torch.optim.SGD", "lr": 0.01})
        self.lr = 0.01


@pytest.mark.filterwarnings("ignore")
def test_lightnings_learning_rate_finder_works() -> None:
    trainer, module = trainer_for(Logged(), max_epochs=1), Rate()
    found = Tuner(trainer).lr_find(module, datamodule=data(GROUP_SIZE, repeat=100), num_training=40)
    assert found is not None
    assert len(found.results["loss"]) == 40
    assert module.lr == found.suggestion()
    again = Tuner(trainer_for(Logged(), max_epochs=1)).lr_find(
        module, datamodule=data(GROUP_SIZE, repeat=100), num_training=40
    )
    assert again is not None
    assert len(again.results["loss"]) == 40


@pytest.mark.parametrize("precision", ["bf16-mixed"])
def test_a_models_own_gradient_rule_refuses_mixed_precision(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(
        call(monkeypatch, "+experiment=rosenblatt", f"trainer.precision={precision}", "trainer.accelerator=cpu")
    )
    assert "trainer.precision must be 32-true or 64-true for Rosenblatt" in message
    assert Rosenblatt(2).has_own_gradients
    assert not LinearRegression(2).has_own_gradients


def test_takes_groups_may_be_set_on_an_instance() -> None:
    class Acts(Callback):
        def on_train_batch_end(self, *_: Any) -> None: ...

    callback: Any = Acts()
    callback.takes_groups = True
    assert fit(GROUP_SIZE, callback, trainer={"max_epochs": 1}).data.steps_at_once == GROUP_SIZE


@pytest.mark.parametrize("cut", ["trainer.max_epochs=2", "trainer.max_steps=50"])
def test_resumed_weight_averaging_continues_from_the_weights(own_folder: Path, cut: str) -> None:
    settings = ("model.hidden=[20]", "model.dropout=0.3", "test=false", "figures=false", "trainer.max_epochs=3")
    averaged = "+callbacks.mean._target_=lightning.pytorch.callbacks.EMAWeightAveraging"
    trusted = "trusted_packages=[gradexp,lightning]"
    whole = run(*settings, averaged, trusted, "hydra.run.dir=whole")
    run(*settings, averaged, trusted, cut, "hydra.run.dir=cut")
    on = ("task=train", "ckpt_path=cut/checkpoints/last.ckpt", trusted, "trainer.max_epochs=3", "trainer.max_steps=-1")
    resumed = run(*on)
    ends = [torch.load(r.folder / "checkpoints" / "last.ckpt", weights_only=True) for r in (whole, resumed)]
    for key in ("state_dict", "current_model_state", "optimizer_states"):
        assert exactly(ends[0][key]) == exactly(ends[1][key]), key
