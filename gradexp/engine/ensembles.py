"""Copies of a network that are trained at once, each on its own training set."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from gradexp.objective.objective import Objective
from gradexp.objective.optimizers import ELEMENTWISE, class_name, is_elementwise, learning_rate
from gradexp.randomness import generator, mix, seed_generators

Loss = Callable[[Tensor, Tensor], Tensor]


class Ensemble:
    """Networks of one architecture as one batched program: every parameter is stacked, [copies, ...].

    Args:
        networks: The copies, each with its own initial weights.

    Attributes:
        parameters: The stacked parameters, by name.
        skeleton: One network on the meta device, whose parameters have the same names.

    Raises:
        ValueError: The networks have buffers, such as batch normalisation's, which a forward pass would change.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        if any(True for _ in networks[0].buffers()):
            raise ValueError("the network must be without buffers; got one with, such as model.batch_norm=true has.")
        self.parameters, _ = stack_module_state(list(networks))
        self.skeleton = copy.deepcopy(networks[0]).to("meta")

    def __call__(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Outputs [copies, samples, ...] of inputs [copies, samples, ...]; dropout only if `training`."""
        self.skeleton.train(training)

        def one(parameters: Mapping[str, Tensor], samples: Tensor) -> Tensor:
            return cast(Tensor, functional_call(self.skeleton, dict(parameters), (samples,)))

        outputs: Tensor = torch.vmap(one, randomness="different")(self.parameters, inputs)
        return outputs

    def on_all(self, inputs: Tensor) -> Tensor:
        """Outputs [copies, samples, ...] of the same inputs [samples, ...] for every copy, without a gradient."""
        copies = len(next(iter(self.parameters.values())))
        with torch.no_grad():
            return self(inputs.expand(copies, *inputs.shape))


def train_copies(
    ensemble: Ensemble,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int | None,
    objective: Objective,
    seed: int,
    after_epoch: Callable[[], None] = lambda: None,
) -> None:
    """Minimise each copy's loss and penalties on its own samples, all in one program.

    The gradient is that of the sum of the copies' objectives, in which no copy's term has another copy's parameters.

    Args:
        ensemble: The copies.
        loss: Mean over a batch, of outputs [batch, ...] and targets [batch, ...].
        inputs: [copies, samples, ...].
        targets: [copies, samples, ...].
        epochs: Passes over each copy's samples.
        batch_size: Samples per step and copy; None for all.
        objective: The copies' penalties and optimizer.
        seed: Seed of dropout and of the batches, which are shuffled separately for every copy and epoch.
        after_epoch: Called after each epoch.

    Raises:
        ValueError: The optimizer combines several numbers, so that copies would affect each other.
        ArithmeticError: A copy's loss is no longer finite.
    """
    if not is_elementwise(objective.optimizer):
        raise ValueError(
            f"optimizer._target_ must be one of {', '.join(ELEMENTWISE)}, which treat every number by itself, to train "
            f"copies at once; got {class_name(objective.optimizer)}."
        )
    optimizer = objective.build_optimizer(ensemble.skeleton, stacked=ensemble.parameters)
    copies, samples = targets.shape[:2]
    rows = torch.arange(copies, device=inputs.device).unsqueeze(1)
    total = torch.zeros(())
    for epoch in range(epochs):
        seed_generators(mix("ensemble/dropout", seed, epoch), inputs.device)
        for indices in _batches(copies, samples, batch_size, seed, epoch):
            batch = (rows, indices.to(inputs.device)) if batch_size is not None else slice(None)
            optimizer.zero_grad()
            outputs = ensemble(inputs[batch], training=True)
            total = torch.vmap(loss)(outputs, targets[batch]).sum()
            penalty = objective.penalty(ensemble.parameters.items(), stacked=True)
            if penalty is not None:
                total = total + penalty
            total.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
            optimizer.step()
        if not total.isfinite():
            rate = learning_rate(objective.optimizer, objective.trusted_packages)
            raise ArithmeticError(
                f"the loss is no longer finite after epoch {epoch + 1}; a smaller optimizer.lr (now {rate:g}) may help"
            )
        after_epoch()


def _batches(copies: int, samples: int, batch_size: int | None, seed: int, epoch: int) -> Sequence[Tensor]:
    """Indices of each batch [copies, batch], shuffled separately for every copy and epoch."""
    if batch_size is None:
        return [torch.arange(samples).expand(copies, samples)]
    streams = [generator("ensemble/order", seed, number, epoch) for number in range(copies)]
    orders = torch.stack([torch.randperm(samples, generator=stream) for stream in streams])
    return torch.split(orders, batch_size, dim=1)
