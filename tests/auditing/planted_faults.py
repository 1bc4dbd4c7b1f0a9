"""Modules with one planted fault each, and the check that must find it."""

import random
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from tests.auditing.networks import (
    GAN,
    VAE,
    Attention,
    Recurrent,
    UNet,
    by_cross_entropy,
    convolutional,
    cox,
    multi_task,
)
from tests.auditing.samples import (
    CLASSES,
    FEATURES,
    STEPS,
    WORDS,
    Calls,
    Case,
    Lit,
    classes,
    images,
    masks,
    mlp,
    numbers,
    series,
    table,
    words,
)  # fmt: skip

REACHES = "gradient reaches every parameter"
SLOPE = "gradient of"
MEAN = "loss is the mean over samples"
FREE = "logits are free"
HEART = "learns a few samples by heart"
LIMIT = "objective has a lower limit"
MIXED = "samples do not mix"
ALIVE = "units are alive"
DROPOUT = "dropout is off in evaluation mode"


class SignedSquare(Function):
    """Its backward lacks the factor 2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x.abs()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        return gradients[0] * x.abs()


def between(function: Callable[[nn.Module, Tensor], Tensor], activation: type[nn.Module] = nn.Tanh) -> nn.Module:
    """An MLP with a function, of itself and the hidden values, between its layers."""

    class Between(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.activation, self.last = mlp(activation=activation)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.last(function(self, self.activation(self.first(x))))
            return logits

    return Between()


def in_training(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return between(lambda module, hidden: function(hidden) if module.training else hidden)


def without_gradient(hidden: Tensor) -> Tensor:
    with torch.no_grad():
        return hidden * 1


def hooked_in_training(hidden: Tensor) -> Tensor:
    if hidden.requires_grad:
        hidden.register_hook(lambda gradient: 0.5 * gradient)  # type: ignore[no-untyped-call]
    return hidden


def hooked(hook: Callable[[Tensor], Tensor]) -> nn.Module:
    network = mlp()
    network.get_parameter("0.weight").register_hook(hook)  # type: ignore[no-untyped-call]
    return network


def hooked_module() -> nn.Module:
    def doubled(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        return (2 * inputs[0],)

    network = mlp()
    network[1].register_full_backward_hook(doubled)
    return network


def biased(network: nn.Module, bias: float = -20.0) -> nn.Module:
    """The first layer's units are far below 0."""
    layer: Any = next(part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d))
    nn.init.constant_(layer.bias, bias)
    return network


def dying() -> nn.Module:
    network = between(lambda _, h: h.relu(), nn.Identity)
    network.get_parameter("first.bias").data[:4] = -20
    return network


def filled(network: nn.Module, value: float) -> nn.Module:
    for weight in network.parameters():
        nn.init.constant_(weight, value)
    return network


def scaled(network: nn.Module, factor: float) -> nn.Module:
    for weight in network.parameters():
        weight.data *= factor
    return network


def half_frozen() -> nn.Module:
    network = mlp()
    network[0].requires_grad_(False)
    return network


class Unlisted(nn.Module):
    """Keeps its layers in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(FEATURES, 8), nn.Linear(8, 8)]
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).tanh()
        logits: Tensor = self.head(x)
        return logits


class TruncatedGRU(nn.Module):
    """Detaches its state at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(4, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 6)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state.detach())
        logits: Tensor = self.head(state)
        return logits


class CopiedWeights(nn.Module):
    """Ties its weights by `.data`."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.layer(x), self.layer.weight.data.T)


class FixedScores(Attention):
    """Detaches the attention's weights."""

    def forward(self, x: Tensor) -> Tensor:
        scores = (self.query(x) @ self.key(x).transpose(1, 2)).softmax(2).detach()
        logits: Tensor = self.head((scores @ self.value(x)).mean(1))
        return logits


class DroppedAttention(Attention):
    """Its dropout does not end with training."""

    def forward(self, x: Tensor) -> Tensor:
        mixed = F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x), dropout_p=0.2)
        logits: Tensor = self.head(mixed.mean(1))
        return logits


class BatchAttention(Attention):
    """Its softmax runs over the batch."""

    def forward(self, x: Tensor) -> Tensor:
        scores = (self.query(x) @ self.key(x).transpose(1, 2)).softmax(0)
        logits: Tensor = self.head((scores @ self.value(x)).mean(1))
        return logits


class UnusedSkip(UNet):
    def forward(self, x: Tensor) -> Tensor:
        skip = F.gelu(self.down(x))
        up = F.interpolate(F.gelu(self.middle(F.max_pool2d(skip, 2))), scale_factor=2)[:, :6]
        outputs: Tensor = self.out(torch.cat([skip, up], 1))
        return outputs


class HalfOptimized(Lit):
    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.network[2].parameters())  # type: ignore[index]


class NeverZeroed(Lit):
    def optimizer_zero_grad(self, *arguments: Any) -> None:
        """Forgotten."""


class LooksAway(LightningModule):
    """Trains on one head and returns the loss of a detached one."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(FEATURES, 8), nn.Linear(8, CLASSES)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        hidden = self.body(batch[0]).tanh()
        return F.cross_entropy(self.head(hidden.detach()), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.1)


def rooted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The square root of a gap; where the gap is below 0, the root of the other branch is NaN, and so is its slope."""
    gap = outputs - targets
    return torch.where(gap > 0, gap.sqrt(), 0.0).mean()


def entropy(logits: Tensor, labels: Tensor) -> Tensor:
    probabilities = logits.softmax(1) * (logits > logits.mean(1, keepdim=True))
    information = torch.where(probabilities > 0, probabilities * probabilities.log(), 0.0).sum(1).mean()
    return F.cross_entropy(logits, labels) - 0.1 * information


def lit(step: Callable[[Any, Any], Tensor], outputs: int = CLASSES) -> Lit:
    return Lit(mlp(outputs), step)


CLASSED: Callable[[], Any] = lambda: (table(), classes())  # noqa: E731
NUMBERED: Callable[[], Any] = lambda: (table(), numbers())  # noqa: E731
SEQUENCES: Callable[[], Any] = lambda: (series(), classes())  # noqa: E731

FAULTS: dict[str, tuple[Callable[[], Case], str]] = {
    "backward without a factor": (lambda: Case(between(lambda _, h: SignedSquare.apply(h)), CLASSED()), SLOPE),
    "detached layer": (lambda: Case(between(lambda _, h: h.detach()), CLASSED()), REACHES),
    "detached in training": (lambda: Case(in_training(Tensor.detach), CLASSED()), REACHES),
    "no_grad in training": (lambda: Case(in_training(without_gradient), CLASSED()), REACHES),
    "wrong backward in training": (lambda: Case(in_training(SignedSquare.apply), CLASSED()), SLOPE),
    "detached in a residual branch": (lambda: Case(between(lambda _, h: h + h.detach().sin()), CLASSED()), SLOPE),
    "hook on a parameter": (lambda: Case(hooked(lambda gradient: 0.1 * gradient), CLASSED()), SLOPE),
    "hook that stops a gradient": (lambda: Case(hooked(torch.zeros_like), CLASSED()), REACHES),
    "hook on hidden values in training": (lambda: Case(in_training(hooked_in_training), CLASSED()), SLOPE),
    "hook on a module": (lambda: Case(hooked_module(), CLASSED()), SLOPE),
    "dead functional relu": (lambda: Case(biased(between(lambda _, h: F.relu(h), nn.Identity)), CLASSED()), ALIVE),
    "a third of the units dead": (lambda: Case(dying(), CLASSED()), ALIVE),
    "dead clamp": (lambda: Case(biased(between(lambda _, h: h.clamp(min=0), nn.Identity)), CLASSED()), ALIVE),
    "dead convolution": (lambda: Case(biased(convolutional()), (images(), classes())), ALIVE),
    "root of zero under where": (lambda: Case(mlp(1), NUMBERED(), rooted), SLOPE),
    "logarithm of zero under where": (lambda: Case(mlp(4), CLASSED(), entropy), SLOPE),
    "root of zero": (
        lambda: Case(between(lambda _, h: h + (h - h).square().sum(1, keepdim=True).sqrt()), CLASSED()),
        SLOPE,
    ),
    "softmax before cross-entropy": (lambda: Case(nn.Sequential(mlp(), nn.Softmax(1)), CLASSED()), FREE),
    "softmax in the step": (lambda: Case(lit(lambda m, b: F.cross_entropy(m(b[0]).softmax(1), b[1])), CLASSED()), FREE),
    "sigmoid twice": (
        lambda: Case(
            lit(lambda m, b: F.binary_cross_entropy_with_logits(m(b[0]).sigmoid(), b[1]), 1),
            (table(), numbers().round().abs()),
        ),
        FREE,
    ),
    "nll of logits": (lambda: Case(lit(lambda m, b: F.nll_loss(m(b[0]), b[1])), CLASSED()), FREE),
    "log-softmax over the batch": (
        lambda: Case(lit(lambda m, b: F.nll_loss(m(b[0]).log_softmax(0), b[1])), CLASSED()),
        FREE,
    ),
    "relu on logits": (lambda: Case(nn.Sequential(mlp(), nn.ReLU()), CLASSED()), FREE),
    "relu on a regression": (lambda: Case(nn.Sequential(mlp(1), nn.ReLU()), NUMBERED(), F.mse_loss), HEART),
    "tanh below large targets": (
        lambda: Case(nn.Sequential(mlp(1), nn.Tanh()), (table(), 20 * numbers()), F.mse_loss),
        HEART,
    ),
    "sum for a mean": (
        lambda: Case(lit(lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="sum")), CLASSED()),
        MEAN,
    ),
    "sum over pixels and samples": (
        lambda: Case(UNet(), (images(), masks()), lambda o, t: F.cross_entropy(o, t, reduction="none").sum()),
        MEAN,
    ),
    "divergence of a vae is a sum": (lambda: Case(VAE(reduce=torch.sum), CLASSED()), MEAN),
    "targets broadcast": (
        lambda: Case(lit(lambda m, b: (m(b[0]) - b[1]).square().mean(), 1), (table(), numbers().squeeze(1))),
        MEAN,
    ),
    "targets broadcast below a root": (
        lambda: Case(mlp(1), (table(), numbers().squeeze(1)), lambda o, t: (o - t).square().mean().sqrt()),
        MEAN,
    ),
    "targets of other samples": (
        lambda: Case(lit(lambda m, b: F.cross_entropy(m(b[0]), b[1].flip(0))), CLASSED()),
        MEAN,
    ),
    "wrong sign of a cross-entropy": (lambda: Case(lit(lambda m, b: -by_cross_entropy(m, b)), CLASSED()), LIMIT),
    "wrong sign of a squared error": (lambda: Case(lit(lambda m, b: -F.mse_loss(m(b[0]), b[1]), 1), NUMBERED()), LIMIT),
    "wrong sign of a divergence": (lambda: Case(VAE(sign=-1.0), CLASSED()), LIMIT),
    "wrong sign of one task": (
        lambda: Case(
            lit(lambda m, b: F.cross_entropy(m(b[0])[:, :3], b[1]) - F.mse_loss(m(b[0])[:, 3], b[0][:, 0]), 4),
            CLASSED(),
        ),
        LIMIT,
    ),
    "wrong sign of a partial likelihood": (lambda: Case(mlp(1), NUMBERED(), lambda o, t: -cox(o, t)), LIMIT),
    "lstm without batch_first": (lambda: Case(Recurrent(nn.LSTM(4, 6), CLASSES), SEQUENCES()), MIXED),
    "transformer without batch_first": (
        lambda: Case(
            Calls(
                nn.ModuleList([nn.TransformerEncoderLayer(4, 2, 8, batch_first=False), nn.Linear(4, 3)]),
                lambda n, x: n[1](n[0](x).mean(1)),
            ),
            SEQUENCES(),
        ),
        MIXED,
    ),
    "reshape for a transpose": (
        lambda: Case(
            Calls(nn.Linear(4 * STEPS, 3), lambda n, x: n(x.permute(2, 0, 1).reshape(len(x), -1))), SEQUENCES()
        ),
        MIXED,
    ),
    "softmax over the batch": (lambda: Case(BatchAttention(), SEQUENCES()), MIXED),
    "mean over the batch": (lambda: Case(between(lambda _, h: h - h.mean(0)), CLASSED()), MIXED),
    "dropout by a function, always": (lambda: Case(between(lambda _, h: F.dropout(h, 0.2)), CLASSED()), DROPOUT),
    "dropout of attention, always": (lambda: Case(DroppedAttention(), SEQUENCES()), DROPOUT),
    "frozen layer": (lambda: Case(half_frozen(), CLASSED()), REACHES),
    "weights of zero": (lambda: Case(filled(mlp(), 0.0), CLASSED()), REACHES),
    "constant weights": (lambda: Case(filled(mlp(), 0.1), CLASSED()), REACHES),
    "large weights": (lambda: Case(scaled(mlp(), 12.0), CLASSED()), "loss at the start"),
    "layers in a list": (lambda: Case(Unlisted(), CLASSED()), REACHES),
    "unused layer": (lambda: Case(UnusedSkip(), (images(), masks())), REACHES),
    "weight of zero for a task": (
        lambda: Case(
            Lit(
                nn.ModuleList([nn.Linear(FEATURES, 12), nn.Linear(12, 3), nn.Linear(12, 1)]),
                lambda m, b: multi_task(m, (b[0], b[1], m.network[2](m.network[0](b[0]).relu()).detach())),
            ),
            CLASSED(),
        ),
        REACHES,
    ),
    "truncated recurrence": (lambda: Case(TruncatedGRU(), SEQUENCES()), SLOPE),
    "weights tied by data": (lambda: Case(CopiedWeights(), (table(), table()), F.mse_loss), SLOPE),
    "detached attention": (lambda: Case(FixedScores(), SEQUENCES()), REACHES),
    "detached in the step": (lambda: Case(LooksAway(), CLASSED()), REACHES),
    "embedding by data": (
        lambda: Case(
            Calls(nn.ModuleList([nn.Embedding(WORDS, 4), nn.Linear(4, 3)]), lambda n, x: n[1](n[0](x).data.mean(1))),
            (words(), classes()),
        ),
        REACHES,
    ),
    "error of an argmax": (lambda: Case(mlp(), CLASSED(), lambda o, t: (o.argmax(1) != t).double().mean()), HEART),
    "half of the network in the optimizer": (
        lambda: Case(HalfOptimized(mlp(), by_cross_entropy), CLASSED()),
        "optimizers have every parameter",
    ),
    "zero_grad forgotten": (lambda: Case(NeverZeroed(mlp(), by_cross_entropy), CLASSED()), "gradients begin at zero"),
    "zero_grad forgotten by hand": (lambda: Case(GAN(zero_grad=False), CLASSED()), "gradients begin at zero"),
    "generator behind a detach": (lambda: Case(GAN(detach=True), CLASSED()), REACHES),
    "unseeded noise": (
        lambda: Case(between(lambda _, h: h + random.SystemRandom().random()), CLASSED()),
        "one seed, one result",
    ),
}
