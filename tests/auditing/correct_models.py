"""Correct models of many kinds, in which the audit must find no fault."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tests.auditing.networks import (
    GAN,
    VAE,
    Attention,
    ComplexLinear,
    Language,
    Recurrent,
    Residual,
    TiedAutoencoder,
    Uncertain,
    UNet,
    auto,
    by_cross_entropy,
    convolutional,
    cox,
    critic_with_penalty,
    denoise,
    dice,
    distillation,
    focal,
    generator_half,
    hazards,
    info_nce,
    listnet,
    mixup,
    multi_task,
    next_word,
    pinball,
    ranknet,
    rmse,
    siamese,
    supervised_contrast,
    tagged,
    triplet,
    weibull,
    zeroed,
)
from tests.auditing.samples import (
    CLASSES,
    FEATURES,
    SIZE,
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


def labels() -> Tensor:
    return (table() > 0).float()[:, :CLASSES]


def padded() -> Tensor:
    targets = words() % CLASSES + 1
    targets[::3, -2:] = 0
    return targets


CLASSED: Callable[[], Any] = lambda: (table(), classes())  # noqa: E731
PICTURES: Callable[[], Any] = lambda: (images(), classes())  # noqa: E731

CORRECT: dict[str, Callable[[], Case]] = {
    "mlp": lambda: Case(mlp(activation=nn.ReLU), CLASSED()),
    "mlp in lightning": lambda: Case(Lit(mlp(activation=nn.GELU), by_cross_entropy), CLASSED()),
    "regression in lightning": lambda: Case(Lit(mlp(1), lambda m, b: F.mse_loss(m(b[0]), b[1])), (table(), numbers())),
    "convolution": lambda: Case(convolutional(), PICTURES()),
    "batch norm": lambda: Case(convolutional(nn.BatchNorm2d, bias=False), PICTURES()),
    "batch norm without running statistics": lambda: Case(
        convolutional(lambda n: nn.BatchNorm2d(n, track_running_stats=False)), PICTURES()
    ),
    "group norm": lambda: Case(convolutional(lambda n: nn.GroupNorm(2, n)), PICTURES()),
    "instance norm": lambda: Case(convolutional(lambda n: nn.InstanceNorm2d(n, affine=True)), PICTURES()),
    "layer norm": lambda: Case(
        nn.Sequential(nn.Linear(FEATURES, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), CLASSED()
    ),
    "weight norm": lambda: Case(
        nn.Sequential(parametrizations.weight_norm(nn.Linear(FEATURES, 8)), nn.Tanh(), nn.Linear(8, 3)), CLASSED()
    ),
    "spectral norm": lambda: Case(
        nn.Sequential(parametrizations.spectral_norm(nn.Linear(FEATURES, 8)), nn.Tanh(), nn.Linear(8, 3)), CLASSED()
    ),
    "lstm": lambda: Case(Recurrent(nn.LSTM(4, 6, batch_first=True), CLASSES), (series(), classes())),
    "gru regression": lambda: Case(Recurrent(nn.GRU(4, 6, batch_first=True), 1), (series(), numbers()), F.mse_loss),
    "bidirectional tagger with padding": lambda: Case(
        Recurrent(nn.LSTM(4, 6, batch_first=True, bidirectional=True), CLASSES + 1, True), (series(), padded()), tagged
    ),
    "transformer": lambda: Case(
        Calls(
            nn.ModuleList([nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Linear(4, 3)]),
            lambda n, x: n[1](n[0](x).mean(1)),
        ),
        (series(), classes()),
    ),
    "attention": lambda: Case(Attention(), (series(), classes())),
    "language model with tied weights": lambda: Case(Lit(Language(), next_word), (words(),)),
    "embedding bag": lambda: Case(nn.Sequential(nn.EmbeddingBag(WORDS, 6), nn.Linear(6, 3)), (words(), classes())),
    "frozen embedding": lambda: Case(
        nn.Sequential(nn.Embedding(WORDS, 4).requires_grad_(False), nn.Flatten(), mlp(3, 4 * STEPS)),
        (words(), classes()),
    ),
    "frozen encoder": lambda: Case(nn.Sequential(mlp(6).requires_grad_(False), mlp()), CLASSED()),
    "autoencoder": lambda: Case(Lit(nn.Sequential(mlp(2), mlp(FEATURES, 2)), auto), CLASSED()),
    "tied autoencoder": lambda: Case(TiedAutoencoder(), (table(), table()), F.mse_loss),
    "denoising autoencoder": lambda: Case(Lit(nn.Sequential(mlp(4), mlp(FEATURES, 4)), denoise), CLASSED()),
    "vae": lambda: Case(VAE(), CLASSED()),
    "u-net, cross-entropy of pixels": lambda: Case(UNet(), (images(), masks())),
    "u-net, dice": lambda: Case(UNet(), (images(), masks()), dice),
    "complex weights": lambda: Case(ComplexLinear(), CLASSED()),
    "gan": lambda: Case(GAN(), CLASSED()),
    "generator": generator_half,
    "discriminator": lambda: Case(
        Lit(mlp(1, activation=nn.LeakyReLU), lambda m, b: F.softplus(-m(b[0])).mean() + F.softplus(m(b[1])).mean()),
        (table(), table().flip(0) + 1),
    ),
    "wasserstein critic": lambda: Case(
        Lit(mlp(1), lambda m, b: m(b[0]).mean() - m(b[1]).mean()), (table(), table() + 1)
    ),
    "wasserstein critic with gradient penalty": lambda: Case(Lit(mlp(1), critic_with_penalty), (table(), table() + 1)),
    "contrast of two views": lambda: Case(Lit(mlp(4), lambda m, b: info_nce(m(b[0]), m(b[0] + 0.1))), CLASSED()),
    "contrast of two towers": lambda: Case(
        Lit(
            nn.ModuleList([mlp(4), mlp(4, 4 * STEPS)]),
            lambda m, b: info_nce(m.network[0](b[0]), m.network[1](b[1].flatten(1))),
        ),
        (table(), series()),
    ),
    "supervised contrast": lambda: Case(mlp(4), CLASSED(), supervised_contrast),
    "siamese with stopped gradient": lambda: Case(Lit(nn.ModuleList([mlp(4), mlp(4, 4)]), siamese), CLASSED()),
    "triplets": lambda: Case(Lit(mlp(4), triplet), (table(), table() + 0.1, table().flip(0))),
    "multi-task": lambda: Case(
        Lit(nn.ModuleList([nn.Linear(FEATURES, 12), nn.Linear(12, 3), nn.Linear(12, 1)]), multi_task),
        (table(), classes(), numbers()),
    ),
    "multi-task with learned weights": lambda: Case(
        Uncertain(), {"x": table(), "label": classes(), "value": numbers()}
    ),
    "pairwise ranking": lambda: Case(mlp(1), (table(), classes()), ranknet),
    "listwise ranking": lambda: Case(
        Calls(mlp(1, 4), lambda n, x: n(x).squeeze(2)), (series(), numbers(STEPS)), listnet
    ),
    "cox regression": lambda: Case(mlp(1), (table(), numbers()), cox),
    "weibull survival": lambda: Case(mlp(2), (table(), numbers()), weibull),
    "discrete-time survival": lambda: Case(mlp(4), CLASSED(), hazards),
    "label smoothing": lambda: Case(mlp(), CLASSED(), nn.CrossEntropyLoss(label_smoothing=0.1)),
    "class weights": lambda: Case(mlp(), CLASSED(), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.2]))),
    "root mean squared error": lambda: Case(mlp(1), (table(), numbers()), rmse),
    "focal loss": lambda: Case(mlp(), CLASSED(), focal),
    "quantiles": lambda: Case(mlp(3), (table(), numbers()), pinball),
    "poisson": lambda: Case(mlp(1), (table(), numbers().abs().round()), nn.PoissonNLLLoss()),
    "gaussian with variance": lambda: Case(
        mlp(2), (table(), numbers()), lambda o, t: F.gaussian_nll_loss(o[:, :1], t, F.softplus(o[:, 1:]) + 1e-3)
    ),
    "several labels": lambda: Case(mlp(), (table(), labels()), F.binary_cross_entropy_with_logits),
    "probabilities": lambda: Case(nn.Sequential(mlp(), nn.Sigmoid()), (table(), labels()), F.binary_cross_entropy),
    "zero-initialised gate": lambda: Case(
        nn.Sequential(
            Residual(mlp(FEATURES, activation=nn.ReLU), nn.Parameter(torch.zeros(1))), nn.Linear(FEATURES, 3)
        ),
        CLASSED(),
    ),
    "zero-initialised branch": lambda: Case(
        nn.Sequential(
            Residual(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), zeroed(nn.Conv2d(4, 1, 3, padding=1)))),
            nn.Flatten(),
            nn.Linear(SIZE**2, 3),
        ),
        PICTURES(),
    ),
    "zero-initialised head": lambda: Case(nn.Sequential(mlp(8), nn.Tanh(), zeroed(nn.Linear(8, 3))), CLASSED()),
    "dropout": lambda: Case(
        nn.Sequential(nn.Linear(FEATURES, 12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 3)), CLASSED()
    ),
    "dropout by a function": lambda: Case(
        Lit(mlp(), by_cross_entropy, lambda m, x: m.network(F.dropout(x, 0.2, m.training))), CLASSED()
    ),
    "mixup": lambda: Case(Lit(mlp(), mixup), CLASSED()),
    "distillation": lambda: Case(Lit(nn.ModuleList([mlp(), mlp().requires_grad_(False)]), distillation), CLASSED()),
}
