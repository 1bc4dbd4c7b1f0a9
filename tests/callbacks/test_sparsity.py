"""Sparsity against the weights of the checkpoint."""

from pathlib import Path

import pytest
import torch

from gradexp import run
from gradexp.callbacks import Sparsity


def test_the_shares_of_zero_and_small_weights_equal_those_of_the_checkpoint(tmp_path: Path) -> None:
    line = ("optimizer=sgd", "optimizer.lr=0.1", "regularizer.l1=3e-3", "regularizer.proximal=true", "figures=false")
    result = run("+callbacks=sparsity", *line, "trainer.max_epochs=2", "test=false", f"hydra.run.dir={tmp_path}")
    state = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    sizes = torch.cat([value.abs().flatten() for value in state.values() if value.ndim == 2]).numpy()
    assert result.metrics["sparsity/zero"] == pytest.approx((sizes == 0).mean())
    assert result.metrics["sparsity/small"] == pytest.approx((sizes < 1e-3).mean())
    assert 0 < result.metrics["sparsity/zero"] < result.metrics["sparsity/small"] < 1


def test_a_threshold_of_zero_raises() -> None:
    with pytest.raises(ValueError, match="threshold must be a finite number above 0; got 0"):
        Sparsity(threshold=0)
