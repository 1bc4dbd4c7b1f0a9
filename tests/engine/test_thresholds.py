"""A fit ends where its best score so far is worse than the threshold of the validation."""

import sys
from typing import Any

import pytest

from gradexp.engine.lightning_internals import stops_early
from gradexp.engine.thresholds import ThresholdStopping


def stopping(mode: str, *thresholds: float, **options: Any) -> ThresholdStopping:
    return ThresholdStopping("val/loss", thresholds, mode=mode, **{"patience": sys.maxsize, **options})


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_the_best_score_so_far_is_compared(mode: str, sign: int) -> None:
    one = stopping(mode, *(sign * value for value in (3.0, 2.0, 1.0)))
    assert not stops_early(one, sign * 3.0, 0), "as good as the threshold"
    assert not stops_early(one, sign * 1.5, 1)
    assert stops_early(one, sign * 9.0, 2), "the best, 1.5, is worse than 1"
    assert one.stopped_epoch == 2
    assert "is worse than the threshold" in str(one.stopping_reason_message)


def test_after_the_last_threshold_the_fit_goes_on_and_patience_still_ends_it() -> None:
    one = stopping("min", 5.0, patience=2)
    assert [stops_early(one, score, epoch) for epoch, score in enumerate((4.0, 9.0, 9.0))] == [False, False, True]
    assert "did not improve" in str(one.stopping_reason_message)


def test_small_improvements_count_although_patience_ignores_them() -> None:
    one = stopping("min", 5.0, 4.0, min_delta=2.0)
    assert not stops_early(one, 4.5, 0)
    assert not stops_early(one, 3.9, 1)


def test_a_resumed_fit_goes_on_at_the_next_threshold() -> None:
    first, second = stopping("min", 5.0, 5.0, 3.0), stopping("min", 5.0, 5.0, 3.0)
    assert not stops_early(first, 2.0, 0)
    assert not stops_early(first, 4.0, 1)
    second.load_state_dict(first.state_dict())
    assert not stops_early(second, 4.0, 2), "its best is 2"
    assert second.validations == 3
