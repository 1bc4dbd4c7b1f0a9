"""A batch of one sample under batch norm: one message, before the first step."""

from typing import Any

import pytest
from lightning.pytorch import Trainer
from torch import nn

from gradexp import MLPClassifier, run
from gradexp.app.quiet import quiet_libraries
from gradexp.data import Points

pytestmark = pytest.mark.filterwarnings("ignore:Total length of `list`")  # without validation

QUIET: dict[str, Any] = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    "accelerator": "cpu", "max_epochs": 1,
}  # fmt: skip


def fit(batch_size: int, network: nn.Module | None = None, **options: Any) -> int:
    """Fit seven samples; returns the number of steps."""
    model = MLPClassifier(4, 2, hidden=(3,), batch_norm=True)
    if network is not None:
        model.network = network
    inputs, targets = [[float(n), 1.0, 0.0, 2.0] for n in range(7)], [n % 2 for n in range(7)]
    points = Points(inputs, targets, classes=("even", "odd"), batch_size=batch_size)
    quiet_libraries()
    trainer = Trainer(**QUIET, **options)
    trainer.fit(model, datamodule=points)
    return trainer.global_step


@pytest.mark.parametrize(("batch_size", "better"), [(3, 4), (2, 4), (6, 7), (1, 4)])
def test_a_last_batch_of_one_sample_is_refused_with_a_size_that_works(batch_size: int, better: int) -> None:
    with pytest.raises(ValueError, match=rf"data\.batch_size must .*; got {batch_size} for 7 .* size is {better}\."):
        fit(batch_size)
    assert fit(better) == -(-7 // better)


def test_a_batch_that_is_not_reached_or_has_many_values_a_channel_is_taken() -> None:
    assert fit(3, limit_train_batches=2) == 2
    convolution = nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert fit(3, convolution) == 3
    assert fit(3, nn.Linear(4, 2)) == 3


def test_a_run_gets_one_message_also_where_the_batch_is_not_known_before() -> None:
    tiny = ("model.batch_norm=true", "data.val_size=199", "data.batch_size=619", "figures=false", "test=false")
    with pytest.raises(ValueError, match=r"data\.batch_size must .* got 619 for 1,239 training samples.* is 620"):
        run(*tiny)
    with pytest.raises(ValueError, match=r"data\.batch_size must leave more than one .* got 619, with a batch of one"):
        run(*tiny, "+trainer.limit_train_batches=3", "trainer.max_epochs=1")
