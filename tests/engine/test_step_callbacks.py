"""Step callbacks see every step, and a module's hooks are called as in Lightning's own loop."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer

from gradexp import run
from gradexp.engine.step_callback import StepCallback
from gradexp.models import LinearRegression, SoftmaxRegression
from tests.engine.lightning_comparison import train
from tests.engine.several_steps import GROUP_SIZE, fit


class Steps(StepCallback):
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def on_step_start(self, trainer: Trainer, pl_module: Any, batch: Any) -> None:
        self.seen.append(("start", trainer.global_step, len(batch[0])))

    def on_step_end(self, trainer: Trainer, pl_module: Any, batch: Any) -> None:
        self.seen.append(("end", trainer.global_step, len(batch[0])))


@pytest.mark.parametrize("number", [1, 7, GROUP_SIZE])
def test_a_step_callback_sees_each_step(number: int) -> None:
    steps = Steps()
    fit(number, steps, epoch={"batch_size": 8}, trainer={"max_epochs": 1})  # 8, 8, 8 and 6 samples
    sizes = [8, 8, 8, 6]
    assert steps.seen == [
        each for step, size in enumerate(sizes) for each in (("start", step, size), ("end", step + 1, size))
    ]


def test_a_step_callback_sees_each_batch_of_lightnings_loop() -> None:
    steps = Steps()
    train(False, steps, max_steps=3)
    assert [step for kind, step, _ in steps.seen if kind == "end"] == [1, 2, 3]


class OwnHooks(LinearRegression):  # type: ignore[misc]
    """Records every hook of a step that Lightning's own loop calls on a module."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.calls: list[str] = []

    def on_before_zero_grad(self, optimizer: Any) -> None:
        self.calls.append("on_before_zero_grad")

    def optimizer_zero_grad(self, *arguments: Any) -> None:
        self.calls.append("optimizer_zero_grad")
        super().optimizer_zero_grad(*arguments)

    def optimizer_step(self, *arguments: Any) -> None:
        self.calls.append("optimizer_step")
        super().optimizer_step(*arguments)

    def configure_gradient_clipping(self, *arguments: Any, **keywords: Any) -> None:
        self.calls.append("configure_gradient_clipping")
        super().configure_gradient_clipping(*arguments, **keywords)

    def lr_scheduler_step(self, *arguments: Any) -> None:
        self.calls.append("lr_scheduler_step")
        super().lr_scheduler_step(*arguments)


class OwnHooksAndStep(OwnHooks):  # type: ignore[misc]
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("number", [1, 3])
def test_a_modules_hooks_are_called_as_in_lightnings_loop(number: int, clip: float | None) -> None:
    scheduler = {"_target_": "torch.optim.lr_scheduler.StepLR", "interval": "step", "step_size": 10}
    trainer = {"max_epochs": 1, "accumulate_grad_batches": number, "gradient_clip_val": clip}
    engine, lightning = (
        fit(GROUP_SIZE, model_class=model, scheduler=scheduler, trainer=trainer)
        for model in (OwnHooks, OwnHooksAndStep)
    )
    assert engine.module.takes_steps
    assert not lightning.module.takes_steps
    assert engine.data.steps_at_once == GROUP_SIZE
    assert engine.module.calls == lightning.module.calls
    assert engine.state["weights"] == lightning.state["weights"]


def test_accumulation_by_epoch_for_a_module_with_its_own_training_step(own_folder: Path) -> None:
    numbers = "trainer.accumulate_grad_batches={0:2,1:5}"
    settings = ("data=blobs", "model=softmax_regression", "trainer.max_epochs=2", "figures=false", numbers)
    own = "model._target_=tests.engine.test_step_callbacks.OwnClassifier"
    results = [run(*settings, *more) for more in ((), (own, "trusted_packages=[gradexp,tests]"))]
    assert results[0].metrics["steps"] == results[1].metrics["steps"] > 0
    for name in ("val/loss", "test/loss"):
        assert results[0].metrics[name] == results[1].metrics[name]


class OwnClassifier(SoftmaxRegression):  # type: ignore[misc]
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.training_objective(batch)[0]
