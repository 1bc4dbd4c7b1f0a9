"""The real key that somebody may have meant: the same last name first (`lr` for optimizer.lr), then alike letters."""

from collections.abc import Iterable
from difflib import SequenceMatcher

ALIKE = 0.6  # of the letters, as in difflib.get_close_matches


def nearest_key(key: str, valid: Iterable[str]) -> str | None:
    """The most similar dotted key; None where none is alike.

    Args:
        key: What was typed, such as "regularizer.L1".
        valid: Keys that there are, the likelier ones first.
    """
    best, best_score = None, (ALIKE, 0.0)
    for one in valid:
        last = _alike(key.rpartition(".")[2], one.rpartition(".")[2])
        score = (last, _alike(key, one))
        if score > best_score:
            best, best_score = one, score
    return best


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()
