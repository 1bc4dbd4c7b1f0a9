"""The four verdicts."""

import pytest

from gradexp.verdicts.verdict import verdict


@pytest.mark.parametrize(
    ("low", "high", "delta", "sign", "words"),
    [
        (0.1, 0.3, 0.2, 1, "better"),
        (0.1, 0.3, 0.2, -1, "worse"),
        (-0.3, -0.1, 0.2, 1, "worse"),
        (-0.3, -0.1, 0.2, -1, "better"),
        (0.01, 0.02, 0.2, 1, "better"),  # small, but not zero
        (-0.1, 0.1, 0.2, 1, "within noise"),
        (-0.1, 0.2, 0.2, 1, "cannot tell yet"),
        (-0.3, 0.1, 0.2, -1, "cannot tell yet"),
        (-0.3, 0.3, 0.2, 1, "cannot tell yet"),
        (0.0, 0.1, 0.2, 1, "within noise"),
    ],
)
def test_a_verdict(low: float, high: float, delta: float, sign: int, words: str) -> None:
    assert str(verdict(low, high, delta, sign)) == words
