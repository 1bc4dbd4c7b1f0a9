"""Many copies of a network, trained at once, each on a training set of its own."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from gradexp.optimizers import build_optimizer
from gradexp.proximal import shrink_after_steps
from gradexp.randomness import generator

# Of torch.optim, those that treat every number by itself: of stacked copies they do to each what they do to it alone.
ELEMENTWISE = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip

Loss = Callable[[Tensor, Tensor], Tensor]


class Ensemble:
    """Networks of one architecture as one batched program: every parameter is stacked, [copies, ...].

    Args:
        networks: The copies, with initial weights of their own.

    Raises:
        ValueError: They have buffers, such as batch normalisation's, which a forward pass would change.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        if any(True for _ in networks[0].buffers()):
            raise ValueError("the network must be without buffers; got one with, such as model.batch_norm=true has.")
        self.parameters, _ = stack_module_state(list(networks))
        self._skeleton = copy.deepcopy(networks[0]).to("meta")

    def __call__(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Outputs [copies, samples, ...] of inputs [copies, samples, ...]; dropout is for training alone."""
        self._skeleton.train(training)

        def one(parameters: Mapping[str, Tensor], samples: Tensor) -> Tensor:
            return cast(Tensor, functional_call(self._skeleton, dict(parameters), (samples,)))

        outputs: Tensor = torch.vmap(one, randomness="different")(self.parameters, inputs)
        return outputs

    def on_all(self, inputs: Tensor) -> Tensor:
        """Outputs [copies, samples, ...] of the same inputs [samples, ...] for every copy, without a gradient."""
        copies = len(next(iter(self.parameters.values())))
        with torch.no_grad():
            return self(inputs.expand(copies, *inputs.shape))

    @property
    def weights(self) -> list[Tensor]:
        """What penalties take: of each copy the parameters of two or more dimensions (see gradexp.penalties)."""
        return [parameter for parameter in self.parameters.values() if parameter.ndim >= 3]


def train_copies(
    ensemble: Ensemble,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int | None,
    optimizer: Mapping[str, Any],
    seed: int,
    l1: float = 0.0,
    l2: float = 0.0,
    proximal: bool = False,
    after_epoch: Callable[[], None] = lambda: None,
) -> None:
    """Minimise each copy's ``loss + l1 * sum |w| + l2 * sum w^2`` on its own samples, all in one program.

    The sum of the copies' objectives is what is differentiated: no copy's parameters are in another's term.

    Args:
        ensemble: The copies.
        loss: Mean over a batch, of outputs [batch, ...] and targets [batch, ...].
        inputs: [copies, samples, ...].
        targets: [copies, samples, ...].
        epochs: Passes over each copy's samples.
        batch_size: Samples a step and copy; None for all.
        optimizer: `name` of a class in torch.optim, and its arguments.
        seed: Of the order of batches, which is another for every copy and epoch, and of dropout.
        l1: Factor of the first penalty.
        l2: Factor of the second.
        proximal: Whether l1 is taken by a soft threshold (see gradexp.proximal).
        after_epoch: Called after each epoch.

    Raises:
        ValueError: The optimizer looks at several numbers at once, so that copies would meddle with each other.
        ArithmeticError: A copy's loss is no longer finite.
    """
    if optimizer["name"] not in ELEMENTWISE:
        raise ValueError(
            f"optimizer.name must be one of {', '.join(ELEMENTWISE)}, which treat every number by itself, to train "
            f"copies at once; got {optimizer['name']}."
        )
    stepper = build_optimizer(cast(Any, list(ensemble.parameters.values())), optimizer)
    if proximal and l1:
        shrink_after_steps(stepper, ensemble.weights, l1)
    copies, samples = targets.shape[:2]
    rows = torch.arange(copies, device=inputs.device).unsqueeze(1)
    objective = torch.zeros(())
    for epoch in range(epochs):
        torch.manual_seed(generator("ensemble/dropout", seed, epoch).initial_seed())
        for chosen in _batches(copies, samples, batch_size, seed, epoch):
            batch = (rows, chosen.to(inputs.device)) if batch_size is not None else slice(None)
            stepper.zero_grad()
            outputs = ensemble(inputs[batch], training=True)
            objective = torch.vmap(loss)(outputs, targets[batch]).sum()
            if l1 and not proximal:
                objective = objective + l1 * torch.stack([weight.abs().sum() for weight in ensemble.weights]).sum()
            if l2:
                objective = objective + l2 * torch.stack([weight.square().sum() for weight in ensemble.weights]).sum()
            objective.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
            stepper.step()
        if not objective.isfinite():
            raise ArithmeticError(
                f"the loss is no longer finite after epoch {epoch + 1}; a smaller optimizer.lr (now "
                f"{optimizer['lr']:g}) may help"
            )
        after_epoch()


def _batches(copies: int, samples: int, batch_size: int | None, seed: int, epoch: int) -> Sequence[Tensor]:
    """Indices of each batch [copies, batch], drawn anew for every copy and epoch."""
    if batch_size is None:
        return [torch.arange(samples).expand(copies, samples)]
    streams = [generator("ensemble/order", seed, number, epoch) for number in range(copies)]
    orders = torch.stack([torch.randperm(samples, generator=stream) for stream in streams])
    return torch.split(orders, batch_size, dim=1)
