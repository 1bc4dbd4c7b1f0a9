"""Correct models and planted faults that an earlier version of the audit judged wrongly."""

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Accuracy

from tests.auditing.networks import Language, by_cross_entropy, next_word, ranknet
from tests.auditing.planted_faults import CLASSED, between, lit
from tests.auditing.samples import CLASSES, FEATURES, SAMPLES, Case, Lit, classes, images, mlp, numbers, table, words


class Block(nn.Module):
    """A residual block whose last scale begins at zero."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norm, self.last_norm = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        nn.init.zeros_(self.last_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.last_norm(self.second(F.relu(self.norm(self.first(x))))))


def residual() -> nn.Module:
    stem = nn.Conv2d(1, 6, 3, padding=1)
    return nn.Sequential(
        stem, nn.ReLU(), Block(), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)
    )


def deep(width: int, depth: int) -> nn.Module:
    hidden = [part for _ in range(depth) for part in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), *hidden, nn.Linear(width, CLASSES))


def two_views(lit: Any, batch: Any) -> Tensor:
    """NT-Xent (Chen et al. 2020): both views in one batch."""
    codes = F.normalize(lit(torch.cat([batch[0], batch[0] + 0.1])), dim=1)
    similarity = (codes @ codes.T / 0.5).fill_diagonal_(-1e9)
    half = torch.arange(len(batch[0]))
    return F.cross_entropy(similarity, torch.cat([half + len(half), half]))


def scaled_cosines(lit: Any, batch: Any) -> Tensor:
    """Cosines to class centres, times 16, with a margin (Wang et al. 2018)."""
    network, centres = lit.network
    cosines = F.normalize(network(batch[0]), dim=1) @ F.normalize(centres.weight, dim=1).T
    return F.cross_entropy(16 * (cosines - 0.3 * F.one_hot(batch[1], CLASSES)), batch[1])


class ClippedGAN(LightningModule):
    """Wasserstein, by manual optimization; the critic's weights are clipped."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.critic = mlp(FEATURES, 2), mlp(1)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizers: Any = self.optimizers()
        noise = torch.randn(len(batch[0]), 2)
        gap = self.critic(self.generator(noise).detach()).mean() - self.critic(batch[0]).mean()
        optimizers[1].zero_grad()
        self.manual_backward(gap)
        optimizers[1].step()
        with torch.no_grad():
            for weight in self.critic.parameters():
                weight.clamp_(-0.5, 0.5)
        optimizers[0].zero_grad()
        self.manual_backward(-self.critic(self.generator(noise)).mean())
        optimizers[0].step()

    def configure_optimizers(self) -> Any:
        return torch.optim.RMSprop(self.generator.parameters()), torch.optim.RMSprop(self.critic.parameters())


class Logging(LightningModule):
    """Uses its trainer, its logger, a metric and a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.loss = mlp(), nn.CrossEntropyLoss()
        self.accuracy = Accuracy("multiclass", num_classes=CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x.float())
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        logits = self(batch[0])
        self.accuracy(logits, batch[1])
        self.log("accuracy", self.accuracy, prog_bar=True)
        logger: Any = self.logger
        logger.experiment.add_scalar("epoch", self.trainer.current_epoch, self.global_step)
        return {"loss": self.loss(logits, batch[1]), "logits": logits}

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        return [optimizer], [torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)]


class Unmasked(Language):
    """Sees the next token."""

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layer(self.embedding(tokens) + self.position[: tokens.shape[1]]))
        return logits


class Emptied(Lit):
    def on_after_backward(self) -> None:
        gradient = self.get_parameter("network.0.weight").grad
        assert gradient is not None
        gradient.zero_()


class Ascending(Lit):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.1, maximize=True)


class Resting(Lit):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.0)


def in_evaluation(lit: Any, batch: Any) -> Tensor:
    lit.eval()
    return by_cross_entropy(lit, batch)


def sum_of_pairs(scores: Tensor, relevance: Tensor) -> Tensor:
    return ranknet(scores, relevance) * (relevance[:, None] > relevance).sum()


def dropping() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, CLASSES))


MEAN = "loss is the mean over samples"
FALSE_ALARMS: dict[str, Callable[[], Case]] = {
    "residual network": lambda: Case(residual(), (images(), classes())),
    "thin layers of relus": lambda: Case(deep(8, 1), (torch.rand(SAMPLES, FEATURES), classes())),
    "deep layers of relus": lambda: Case(deep(16, 3), CLASSED()),
    "two views in one batch": lambda: Case(Lit(mlp(4), two_views), CLASSED()),
    "scaled cosines": lambda: Case(
        Lit(nn.ModuleList([mlp(4), nn.Linear(4, CLASSES, bias=False)]), scaled_cosines), CLASSED()
    ),
    "clipped wasserstein gan": lambda: Case(ClippedGAN(), CLASSED()),
    "straight-through samples": lambda: Case(between(lambda _, h: F.gumbel_softmax(h, hard=True)), CLASSED()),
    "logging, metrics and a schedule": lambda: Case(Logging(), CLASSED()),
}

OVERLOOKED: dict[str, tuple[Callable[[], Case], str]] = {
    "divided by the batch size twice": (
        lambda: Case(lit(lambda m, b: by_cross_entropy(m, b) / len(b[0])), CLASSED()),
        MEAN,
    ),
    "sum over pairs": (lambda: Case(mlp(1), CLASSED(), sum_of_pairs), MEAN),
    "targets broadcast in training": (
        lambda: Case(
            lit(lambda m, b: (m(b[0]) - (b[1].squeeze(1) if m.training else b[1])).square().mean(), 1),
            (table(), numbers()),
        ),
        MEAN,
    ),
    "targets of other samples in training": (
        lambda: Case(lit(lambda m, b: F.cross_entropy(m(b[0]), b[1].flip(0) if m.training else b[1])), CLASSED()),
        MEAN,
    ),
    "wrong sign in training": (
        lambda: Case(lit(lambda m, b: (1 - 2 * m.training) * by_cross_entropy(m, b)), CLASSED()),
        "objective has a lower limit",
    ),
    "mean over the batch in training": (
        lambda: Case(between(lambda m, h: h - h.mean(0) if m.training else h), CLASSED()),
        "samples do not mix",
    ),
    "no causal mask": (lambda: Case(Lit(Unmasked(), next_word), (words(),)), "next token is not seen"),
    "evaluation mode in the step": (lambda: Case(Lit(dropping(), in_evaluation), CLASSED()), "training mode lasts"),
    "gradient removed after backward": (
        lambda: Case(Emptied(mlp(), by_cross_entropy), CLASSED()),
        "a step follows the gradient",
    ),
    "optimizer maximises": (lambda: Case(Ascending(mlp(), by_cross_entropy), CLASSED()), "a step follows the gradient"),
    "learning rate of zero": (lambda: Case(Resting(mlp(), by_cross_entropy), CLASSED()), "a step follows the gradient"),
}
