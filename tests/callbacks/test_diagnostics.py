"""Diagnostics against a plain loop; each layer is warned about once; hooks are removed."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from gradexp import run
from gradexp.callbacks import Diagnostics

QUICK = ("figures=false", "test=false")


class MemoryLogger(Logger):
    """A logger that keeps the metrics in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, dict[str, float]] = {}

    name = version = "notes"

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        assert step is not None
        self.rows.setdefault(step, {}).update(metrics)

    def log_hyperparams(self, *arguments: Any, **named: Any) -> None:
        """Hyperparameters are ignored."""


class Net(LightningModule):
    """A plain LightningModule."""

    def __init__(self, *layers: nn.Module, lr: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.lr = lr

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        return F.cross_entropy(self.body(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


def drawn() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 5, generator=generator), torch.arange(8) % 3


def fitted(net: Net, diagnostics: Diagnostics, steps: int) -> MemoryLogger:
    logger = MemoryLogger()
    trainer = Trainer(
        max_steps=steps, max_epochs=-1, logger=logger, callbacks=[diagnostics], accelerator="cpu", devices=1,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers|.*fewer|.*number of training batches")
        trainer.fit(net, DataLoader(TensorDataset(*drawn()), batch_size=8))
    return logger


def test_the_numbers_equal_those_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    net = Net(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3), nn.Sigmoid())
    by_hand = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3), nn.Sigmoid())
    by_hand.load_state_dict(net.body.state_dict())
    logger = fitted(net, Diagnostics(every_n_steps=2), steps=5)
    assert sorted(step for step, row in logger.rows.items() if "weights/grad_norm/body.0" in row) == [1, 3, 5]

    inputs, targets = drawn()
    for step in range(1, 6):
        by_hand.zero_grad()
        F.cross_entropy(by_hand(inputs), targets).backward()  # type: ignore[no-untyped-call]
        before = [p.detach().clone() for p in by_hand[0].parameters()]
        gradients = [p.grad.clone() for p in by_hand[0].parameters() if p.grad is not None]
        hidden = by_hand[1](by_hand[0](inputs))
        outputs = by_hand(inputs)
        with torch.no_grad():
            for parameter in by_hand.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.1 * parameter.grad)
        if step in (1, 3, 5):
            row = logger.rows[step]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            was = torch.cat([value.flatten() for value in before])
            now = torch.cat([p.detach().flatten() for p in by_hand[0].parameters()])
            expected = {
                "weights/grad_norm/body.0": flat.norm(),
                "weights/zero_gradients/body.0": (flat == 0).float().mean(),
                "weights/weight_norm/body.0": now.norm(),
                "weights/update_ratio/body.0": (now - was).norm() / was.norm(),
                "weights/dead_units/body.1": (hidden <= 0).all(0).float().mean(),
                "weights/saturated_units/body.3": (outputs * (1 - outputs) < 0.0025).float().mean(),
            }
            assert {name: row[name] for name in expected} == pytest.approx(
                {name: float(value) for name, value in expected.items()}, rel=1e-4, abs=1e-7
            )
    for part in net.modules():
        assert not part._forward_hooks


def test_only_the_chosen_quantities_are_logged() -> None:
    logger = fitted(Net(nn.Linear(5, 3)), Diagnostics(every_n_steps=1, quantities=["weight_norm"]), steps=2)
    assert {name for row in logger.rows.values() for name in row} == {"weights/weight_norm/body.0"}


@pytest.mark.parametrize(
    ("layers", "lr", "words"),
    [
        ([nn.Linear(5, 4), *[part for _ in range(12) for part in (nn.Linear(4, 4), nn.Sigmoid())], nn.Linear(4, 3)],
         0.1, "body.0: gradients are vanishing"),
        ([nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)], 1e5, "gradients are exploding"),
        ([nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)], 0.0, "body.1: units are dead"),
    ],
    ids=["vanishing", "exploding", "dead"],
)  # fmt: skip
def test_a_layer_that_stays_bad_gives_one_warning(layers: list[nn.Module], lr: float, words: str) -> None:
    torch.manual_seed(0)
    net = Net(*layers, lr=lr)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()  # the weights were drawn when this file was imported
    first, last = layers[0], layers[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    if lr == 0.0:
        nn.init.constant_(first.bias, -100.0)
    if lr == 1e5:
        nn.init.constant_(last.weight, 1e5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted(net, Diagnostics(every_n_steps=1, patience=3), steps=12)
    said = [str(warning.message) for warning in caught if words in str(warning.message)]
    assert len(said) >= 1
    assert len(said) == len({line.partition(" ")[0] for line in said}), "once per layer"
    assert "; try " in said[0]


def test_a_healthy_network_gives_no_warning() -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*gradients are|.*units are")
        fitted(Net(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 3)), Diagnostics(every_n_steps=1), steps=12)


def test_a_run_logs_curves_and_histograms_to_tensorboard() -> None:
    result = run("+callbacks=diagnostics", "callbacks.diagnostics.every_n_steps=10", "trainer.max_epochs=2", *QUICK)
    log = EventAccumulator(str(result.folder / "tensorboard")).Reload()
    for tag in ("weights/grad_norm/network.linear_1", "weights/update_ratio/network.output"):
        assert len(log.Scalars(tag)) == 8
    assert {"weights/network.linear_1.weight", "gradients/network.output.bias"} <= set(log.Tags()["histograms"])


def test_a_histogram_of_weights_equals_numpys() -> None:
    # The learning rate is so small that the checkpoint has the weights of the histogram.
    still = ("optimizer=sgd", "optimizer.lr=1e-30", "trainer.max_epochs=1")
    result = run("+callbacks=diagnostics", "callbacks.diagnostics.quantities=[histograms]", *still, *QUICK)
    log = EventAccumulator(str(result.folder / "tensorboard")).Reload()
    histogram = log.Histograms("weights/network.linear_2.weight")[0].histogram_value
    state = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    weights = state["network.linear_2.weight"].double().numpy().ravel()
    counts, edges = np.histogram(weights, 64)
    assert sum(histogram.bucket) == histogram.num == len(weights)
    assert (histogram.min, histogram.max) == (weights.min(), weights.max())
    assert histogram.sum == pytest.approx(weights.sum())
    assert histogram.sum_squares == pytest.approx((weights**2).sum())
    np.testing.assert_allclose(histogram.bucket_limit[-64:], edges[1:], rtol=1e-5, atol=1e-7)
    # A number on an edge may count in either bin.
    np.testing.assert_allclose(histogram.bucket[-64:], counts, atol=3)


@pytest.mark.parametrize(
    "arguments",
    [{"every_n_steps": 0}, {"patience": 0}, {"quantities": ["norms"]}, {"quantities": "grad_norm"}],
)
def test_bad_arguments_raise(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be a"):
        Diagnostics(**arguments)
