"""Exclusive or, which one hidden layer learns and a linear model does not."""

import math

import pytest

from gradexp import run

QUIET = ("+experiment=xor", "test=false", "figures=false")


@pytest.mark.parametrize("seed", [0, 1])
def test_one_hidden_layer_learns_exclusive_or(seed: int) -> None:
    metrics = run(*QUIET, f"seed={seed}").metrics
    assert metrics["train/accuracy"] == 1.0
    assert metrics["train/loss"] < 0.05


def test_a_linear_model_does_not_learn_exclusive_or() -> None:
    metrics = run(*QUIET, "model=logistic_regression", "optimizer=lbfgs", "trainer.max_epochs=1").metrics
    # By symmetry its best prediction is one half everywhere.
    assert metrics["train/loss"] == pytest.approx(math.log(2), rel=0.05)
    assert metrics["train/accuracy"] <= 0.75
