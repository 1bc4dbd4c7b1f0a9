"""Which weights a checkpoint holds: those of the best epoch with their score, or those of its last step."""

from typing import Any

import pytest

from gradexp.app.tasks.restore import weights_of

BEST = {"epoch": 2, "step": 20, "score": 0.9, "loss": 0.1, "metrics": {}}
LOOPS = {
    "fit_loop": {
        "epoch_progress": {"current": {"completed": 3}},
        "epoch_loop.batch_progress": {"current": {"completed": 4}},
    }
}


def checkpoint(**changes: Any) -> dict[str, Any]:
    kept = {"config": {"monitor": "val/accuracy"}, "global_step": 34, "loops": LOOPS}
    return {**kept, "callbacks": {"Checkpoints": {"best": BEST, "metrics": {}}}, **changes}


def test_the_weights_of_the_best_epoch_have_a_score() -> None:
    best = {"weights/epoch": 2, "weights/val/accuracy": 0.9}
    assert weights_of(checkpoint(global_step=20)) == best  # best.ckpt of a fit that went on
    assert weights_of(checkpoint(weights_step=20)) == best  # best.ckpt written when the fit had ended
    unmeasured = {"Checkpoints": {"best": BEST | {"score": None}}}
    assert weights_of(checkpoint(global_step=20, callbacks=unmeasured)) == {"weights/epoch": 2}


def test_the_last_weights_are_of_the_epoch_that_was_begun() -> None:
    assert weights_of(checkpoint()) == {"weights/epoch": 4}
    assert weights_of(checkpoint(callbacks={})) == {"weights/epoch": 4}


def test_an_epoch_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="epoch is 'x'"):
        weights_of(checkpoint(global_step=20, callbacks={"Checkpoints": {"best": BEST | {"epoch": "x"}}}))
