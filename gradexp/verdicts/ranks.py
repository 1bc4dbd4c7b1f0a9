"""Ranks that are shared by what cannot be told apart."""

from collections.abc import Collection


def shared_ranks(number: int, told_apart: Collection[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The ranks of entrants in order, best first: two have a rank in common exactly if they are not told apart.

    To be told apart is not transitive: a second may be told neither from the first nor from the third, which are told
    from each other. It then has both ranks, 1 and 2. This is the compact letter display of Piepho (2004, Journal of
    Computational and Graphical Statistics 13), by insertion and absorption, with numbers in place of letters: a rank is
    a largest set of entrants no two of which are told apart, and ranks are ordered by their best entrants.

    >>> shared_ranks(3, [(0, 2)])
    [(1,), (1, 2), (2,)]

    Args:
        number: How many entrants there are.
        told_apart: Pairs of places, from 0, of entrants between which there is a verdict.

    Returns:
        The ranks of each entrant, ascending, from 1.
    """
    sets = [frozenset(range(number))]
    for one, other in told_apart:
        split = [part for whole in sets if {one, other} <= whole for part in (whole - {one}, whole - {other})]
        kept = [whole for whole in sets if not {one, other} <= whole]
        for part in sorted(split, key=len, reverse=True):
            if not any(part <= whole for whole in kept):
                kept.append(part)
        sets = kept
    ordered = sorted(sets, key=sorted)
    return [tuple(rank for rank, members in enumerate(ordered, 1) if place in members) for place in range(number)]


def in_words(ranks: tuple[int, ...]) -> str:
    """Ranks as they are shown: 1, or 1-3 for several in a row, or 1,3.

    >>> in_words((1, 2, 3)), in_words((1, 3)), in_words(())
    ('1-3', '1,3', '')
    """
    if len(ranks) > 1 and ranks[-1] - ranks[0] == len(ranks) - 1:
        return f"{ranks[0]}-{ranks[-1]}"
    return ",".join(map(str, ranks))
