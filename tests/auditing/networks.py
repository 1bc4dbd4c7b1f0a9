"""Networks, losses and training steps for the cases of the audit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F

from tests.auditing.samples import (
    CLASSES,
    FEATURES,
    STEPS,
    WORDS,
    Case,
    Lit,
    classes,
    mlp,
    table,
)  # fmt: skip


class Residual(nn.Module):
    def __init__(self, branch: nn.Module, gate: nn.Parameter | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.branch(x)
        return x + (branch if self.gate is None else self.gate * branch)


def convolutional(*norms: Callable[[int], nn.Module], bias: bool = True) -> nn.Sequential:
    first, second = (norms * 2)[:2] if norms else (lambda _: nn.Identity(),) * 2
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=bias), first(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding=1, bias=bias), second(6), nn.ReLU(), nn.Flatten(), nn.Linear(54, CLASSES),
    )  # fmt: skip


def zeroed(layer: nn.Linear | nn.Conv2d | nn.BatchNorm2d) -> Any:
    nn.init.zeros_(layer.weight)
    return layer


class Recurrent(nn.Module):
    def __init__(self, cell: nn.RNNBase, outputs: int, every_step: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.head = nn.Linear(cell.hidden_size * (2 if cell.bidirectional else 1), outputs)
        self.every_step = every_step

    def forward(self, x: Tensor) -> Tensor:
        states = (
            self.cell(x, torch.zeros(1, len(x), self.cell.hidden_size))[0]
            if type(self.cell) is nn.GRU
            else self.cell(x)[0]
        )
        outputs: Tensor = self.head(states if self.every_step else states[:, -1])
        return outputs


class Language(nn.Module):
    """A causal transformer whose output layer is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.position = nn.Parameter(0.1 * torch.randn(STEPS, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, WORDS, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        logits: Tensor = self.head(self.layer(self.embedding(tokens) + self.position[:length], src_mask=mask))
        return logits


class Attention(nn.Module):
    """Attention of one head, with its dropout by the mode."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, 8) for _ in range(3))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        dropout = 0.1 if self.training else 0.0
        mixed = F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x), dropout_p=dropout)
        logits: Tensor = self.head(mixed.mean(1))
        return logits


class UNet(nn.Module):
    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 6, 3, padding=1)
        self.middle = nn.Conv2d(6, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.out = nn.Conv2d(12, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.gelu(self.down(x))
        up = self.up(F.gelu(self.middle(F.max_pool2d(skip, 2))))
        outputs: Tensor = self.out(torch.cat([skip, up], 1))
        return outputs


class VAE(LightningModule):
    def __init__(self, sign: float = 1.0, reduce: Callable[[Tensor], Tensor] = torch.mean) -> None:
        super().__init__()
        self.encoder, self.decoder = mlp(4), mlp(FEATURES, 2)
        self.sign, self.reduce = sign, reduce

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, _ = batch
        decoded, mean, log_variance = self(x)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
        loss = F.mse_loss(decoded, x, reduction="sum") / len(x) + self.sign * self.reduce(divergence)
        self.log_dict({"loss": loss}, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters())
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1)}


class GAN(LightningModule):
    """Both halves by manual optimization."""

    def __init__(self, zero_grad: bool = True, detach: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.critic = mlp(FEATURES, 2), mlp(1)
        self.zero_grads, self.detach = zero_grad, detach

    def forward(self, noise: Tensor) -> Tensor:
        fake: Tensor = self.generator(noise)
        return fake

    def training_step(self, batch: Any, batch_idx: int) -> None:
        real = batch[0]
        optimizers: Any = self.optimizers()
        of_generator, of_critic = optimizers
        noise = torch.randn(len(real), 2).type_as(real)
        self.toggle_optimizer(of_critic)
        scores, fakes = self.critic(real), self.critic(self(noise).detach())
        loss = 0.5 * F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        loss += 0.5 * F.binary_cross_entropy_with_logits(fakes, torch.zeros_like(fakes))
        if self.zero_grads:
            of_critic.zero_grad()
        self.manual_backward(loss)
        of_critic.step()
        self.untoggle_optimizer(of_critic)
        fake = self(noise).detach() if self.detach else self(noise)
        fooled = F.binary_cross_entropy_with_logits(self.critic(fake), torch.ones_like(fakes))
        if self.zero_grads:
            of_generator.zero_grad()
        self.manual_backward(fooled)
        of_generator.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.Adam(self.generator.parameters()), torch.optim.Adam(self.critic.parameters())], []


def generator_half() -> Case:
    """The critic is frozen, and judges."""
    critic = mlp(1).requires_grad_(False)
    network = nn.ModuleList([mlp(FEATURES, 2), critic])

    def step(lit: Any, batch: Any) -> Tensor:
        noise = torch.randn(len(batch[0]), 2)
        fooled = lit.network[1](lit.network[0](noise))
        return F.binary_cross_entropy_with_logits(fooled, torch.ones_like(fooled))

    return Case(Lit(network, step), (table(), classes()))


def critic_with_penalty(lit: Any, batch: Any) -> Any:
    """Wasserstein, with the penalty of Gulrajani et al. (2017)."""
    real, fake = batch
    share = torch.rand(len(real), 1).type_as(real)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(lit(between).sum(), between, create_graph=True)
    return lit(fake).mean() - lit(real).mean() + 10 * (slope.norm(dim=1) - 1).square().mean()


def info_nce(one: Tensor, other: Tensor) -> Tensor:
    similarity = F.normalize(one, dim=1) @ F.normalize(other, dim=1).T / 0.1
    return F.cross_entropy(similarity, torch.arange(len(one)))


def supervised_contrast(codes: Tensor, labels: Tensor) -> Tensor:
    similarity = F.normalize(codes, dim=1) @ F.normalize(codes, dim=1).T / 0.5
    similarity = similarity.masked_fill(torch.eye(len(codes), dtype=torch.bool), -1e9)
    same = (labels[:, None] == labels) & ~torch.eye(len(codes), dtype=torch.bool)
    return -(similarity.log_softmax(1) * same).sum() / same.sum().clamp(min=1)


def siamese(lit: Any, batch: Any) -> Tensor:
    """SimSiam: no gradient through the targets."""
    x, _ = batch
    encoder, predictor = lit.network
    codes = [encoder(x + 0.1 * torch.randn_like(x)) for _ in range(2)]
    pairs = [(predictor(codes[0]), codes[1]), (predictor(codes[1]), codes[0])]
    return -sum(F.cosine_similarity(p, code.detach()).mean() for p, code in pairs) / 2  # type: ignore[return-value]


def ranknet(scores: Tensor, relevance: Tensor) -> Tensor:
    gaps = scores - scores.T
    better = (relevance[:, None] > relevance).to(scores)
    return (F.softplus(-gaps) * better).sum() / better.sum().clamp(min=1)


def listnet(scores: Tensor, relevance: Tensor) -> Tensor:
    return -(relevance.softmax(1) * scores.log_softmax(1)).sum(1).mean()


def cox(risk: Tensor, times: Tensor) -> Tensor:
    """Minus the partial log-likelihood; targets are times, negative where censored."""
    order = times.abs().squeeze(1).argsort(descending=True)
    risk, events = risk[order, 0], (times[order, 0] > 0).to(risk)
    return -((risk - risk.logcumsumexp(0)) * events).sum() / events.sum().clamp(min=1)


def weibull(outputs: Tensor, times: Tensor) -> Tensor:
    log_scale, shape = outputs[:, :1], F.softplus(outputs[:, 1:]) + 0.1
    age = (times.abs() + 0.1).log() - log_scale
    hazard = shape.log() - log_scale + (shape - 1) * age
    return -(hazard * (times > 0) - (shape * age).exp()).mean()


def hazards(logits: Tensor, intervals: Tensor) -> Tensor:
    """Discrete time: survives all intervals before its own."""
    survived = torch.arange(logits.shape[1]) < intervals[:, None]
    own = F.one_hot(intervals, logits.shape[1])
    return (
        (F.binary_cross_entropy_with_logits(logits, own.to(logits), reduction="none") * (survived | own.bool()))
        .sum(1)
        .mean()
    )


def focal(logits: Tensor, labels: Tensor) -> Tensor:
    likelihood = logits.log_softmax(1).gather(1, labels[:, None])
    return -((1 - likelihood.exp()).square() * likelihood).mean()


def pinball(outputs: Tensor, targets: Tensor) -> Tensor:
    levels = torch.tensor([0.1, 0.5, 0.9])
    gaps = targets - outputs
    return torch.maximum(levels * gaps, (levels - 1) * gaps).mean()


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    shares, ones = logits[:, 1].sigmoid(), targets.to(logits)
    return 1 - (2 * (shares * ones).sum() + 1) / (shares.sum() + ones.sum() + 1)


def multi_task(lit: Any, batch: Any) -> Tensor:
    x, labels, values = batch
    body, first, second = lit.network
    hidden = body(x).relu()
    return F.cross_entropy(first(hidden), labels) + 0.5 * F.mse_loss(second(hidden), values)


class Uncertain(LightningModule):
    """Weighs two tasks by learned variances (Kendall et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.network = mlp(CLASSES + 1)
        self.log_variances = nn.Parameter(torch.zeros(2))

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        outputs = self.network(batch["x"])
        losses = torch.stack(
            [F.cross_entropy(outputs[:, :-1], batch["label"]), F.mse_loss(outputs[:, -1:], batch["value"])]
        )
        return {"loss": (losses * (-self.log_variances).exp() + self.log_variances).sum()}

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters())


def mixup(lit: Any, batch: Any) -> Tensor:
    x, labels = batch
    share, order = np.random.beta(0.4, 0.4), torch.randperm(len(x))
    logits = lit(share * x + (1 - share) * x[order])
    return share * F.cross_entropy(logits, labels) + (1 - share) * F.cross_entropy(logits, labels[order])


def distillation(lit: Any, batch: Any) -> Tensor:
    x, labels = batch
    student, teacher = lit.network
    with torch.no_grad():
        soft = (teacher(x) / 2).softmax(1)
    logits = student(x)
    return 0.5 * F.cross_entropy(logits, labels) + 0.5 * F.kl_div(
        (logits / 2).log_softmax(1), soft, reduction="batchmean"
    )


class ComplexLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(FEATURES, 8, dtype=torch.cfloat) / 3)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head((torch.complex(x, x.roll(1, 1)) @ self.weight).abs())
        return logits


class TiedAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, 3)
        self.bias = nn.Parameter(torch.zeros(FEATURES))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.layer(x), self.layer.weight.T, self.bias)


def auto(lit: Any, batch: Any) -> Tensor:
    return F.mse_loss(lit(batch[0]), batch[0])


def denoise(lit: Any, batch: Any) -> Tensor:
    return F.mse_loss(lit(batch[0] + 0.1 * torch.randn_like(batch[0])), batch[0])


def rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs, targets).sqrt()


def by_cross_entropy(lit: Any, batch: Any) -> Tensor:
    return F.cross_entropy(lit(batch[0]), batch[1])


def next_word(lit: Any, batch: Any) -> Tensor:
    (tokens,) = batch
    return F.cross_entropy(lit(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


def tagged(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.transpose(1, 2), targets, ignore_index=0)


def triplet(lit: Any, batch: Any) -> Tensor:
    anchor, positive, negative = (lit(part) for part in batch)
    return F.triplet_margin_loss(anchor, positive, negative)
