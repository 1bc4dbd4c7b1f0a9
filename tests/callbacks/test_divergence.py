"""Divergence names the first step and layer that are not finite."""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gradexp.callbacks import Diverged, Divergence
from gradexp.data import BatchLoader, BatchOrder, TensorSource

IsChosen = Callable[[int], bool]  # of the number of an evaluation


class Bomb(nn.Linear):
    """A layer whose output is infinite in the chosen evaluations, counted from 1."""

    def __init__(self, explodes: IsChosen) -> None:
        super().__init__(4, 4)
        self.explodes, self.evaluations = explodes, 0

    def forward(self, input: Tensor) -> Tensor:
        self.evaluations += self.training
        return super().forward(input) + (math.inf if self.training and self.explodes(self.evaluations) else 0)


class Model(LightningModule):
    """Three layers, of which the middle one may become infinite, and a loss that may be changed."""

    def __init__(
        self, explodes: IsChosen = lambda n: False, change: Callable[[Tensor, int], Tensor] = lambda loss, n: loss
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers = {"first": nn.Linear(3, 4), "bomb": Bomb(explodes), "last": nn.Linear(4, 1)}
        self.network = nn.Sequential(OrderedDict(layers))
        self.change = change

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss: Tensor = (self.network(batch[0])[:, 0] - batch[1]).square().mean()
        return self.change(loss, evaluations(self))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class WithTrials(Model):
    """Each step of the optimizer evaluates two points: the current one and a trial."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(self.parameters(), lr=1e-4, max_iter=2, tolerance_change=0, tolerance_grad=0)


def evaluations(model: Model) -> int:
    return sum(layer.evaluations for layer in model.modules() if isinstance(layer, Bomb))


def fit(
    model: LightningModule, every_n_steps: int = 50, max_steps: int = 60, batches: int = 100, **more: Any
) -> Trainer:
    generator = torch.Generator().manual_seed(1)
    source = TensorSource(
        torch.randn(2 * batches, 3, generator=generator), torch.randn(2 * batches, generator=generator)
    )
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "callbacks": [Divergence(every_n_steps)]}
    trainer = Trainer(max_steps=max_steps, **quiet, **more)
    trainer.fit(model, BatchLoader(source, BatchOrder(2 * batches, 2)))
    return trainer


def hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) for layer in model.modules())


@pytest.mark.parametrize(("every_n_steps", "noticed"), [(1, 7), (5, 10), (50, 50)])
def test_the_first_infinite_layer_and_its_step_are_named_for_any_interval(every_n_steps: int, noticed: int) -> None:
    model = Model(explodes=lambda n: n == 7)
    with pytest.raises(Diverged, match=r"^at step 7 the output of layer '?bomb'? .*sums to inf"):
        fit(model, every_n_steps)
    assert evaluations(model) == noticed


def test_the_end_of_an_epoch_is_checked() -> None:
    with pytest.raises(Diverged, match=r"^at step 3 the output of layer '?bomb"):
        fit(Model(explodes=lambda n: n == 3), every_n_steps=1000, batches=10)


class Validated(Model):
    """A model that counts its validations."""

    validations = 0

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.validations += 1

    def val_dataloader(self) -> BatchLoader:
        return BatchLoader(TensorSource(torch.zeros(2, 3), torch.zeros(2)), BatchOrder(2, 2))


def test_weights_that_are_not_finite_are_not_validated() -> None:
    model = Validated(explodes=lambda n: n == 13)
    with pytest.raises(Diverged, match=r"^at step 13 the output of layer '?bomb"):
        fit(model, every_n_steps=1000, batches=10, num_sanity_val_steps=1)
    assert model.validations == 2, "the sanity check and the first epoch's"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_over_finite_layers_is_named(value: float) -> None:
    model = Model(change=lambda loss, n: loss + value if n == 5 else loss)
    with pytest.raises(Diverged, match=rf"^at step 5 the loss .*sums to {value}\)$"):
        fit(model)


def test_an_update_that_makes_weights_not_finite_at_the_last_step_is_noticed() -> None:
    # The loss of step 10 is finite and its gradient is not; no step follows that could show it.
    model = Model(change=lambda loss, n: (loss * 0).sqrt() if n == 10 else loss)
    with pytest.raises(Diverged, match=r"^the update of step 10 made first\.weight not finite$"):
        fit(model, batches=10)


def test_a_healthy_fit_passes() -> None:
    model = Model()
    trainer = fit(model)
    assert trainer.global_step == 60
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_points_that_the_optimizer_only_tries_are_ignored() -> None:
    # Even evaluations are trials. The next test shows that an infinite loss at another one is an error.
    trainer = fit(WithTrials(change=lambda loss, n: loss + (math.inf if n % 2 == 0 else 0)), max_steps=10)
    assert trainer.global_step == 10


def test_the_first_point_of_a_step_with_trials_is_checked() -> None:
    # Evaluation 5 is the first of step 3.
    with pytest.raises(Diverged, match=r"^at step 3 the loss"):
        fit(WithTrials(change=lambda loss, n: loss + (math.inf if n == 5 else 0)), every_n_steps=1, max_steps=10)


def test_no_hook_is_left_after_a_fit() -> None:
    model = Model()
    fit(model, max_steps=2)
    assert hooks(model) == 0


def test_no_hook_is_left_after_a_fit_that_diverged() -> None:
    model = Model(explodes=lambda n: n == 2)
    with pytest.raises(Diverged):
        fit(model, every_n_steps=1)
    assert hooks(model) == 0


def test_layers_with_several_outputs_work() -> None:
    class Recurrent(Model):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = nn.LSTM(3, 3)

        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            return super().training_step((self.recurrent(batch[0])[0], batch[1]), batch_idx)

    assert fit(Recurrent(), max_steps=2).global_step == 2


def test_half_precision_does_not_make_a_finite_layer_infinite() -> None:
    model = Model()
    first = nn.Linear(3, 40_000)
    nn.init.constant_(first.bias, 3.0)  # two samples sum to 240,000; the maximum of half precision is 65,504
    model.network = nn.Sequential(first, nn.Linear(40_000, 1))
    assert fit(model, every_n_steps=1, max_steps=1, precision="16-true").global_step == 1
