"""Runs of one setting, counted by seeds, folds or splits."""

from gradexp.sweeps.plan.repeats import by_split, repeat_of, unit_of, without_repeats

SEEDS = {(0, None, None): 1.0, (1, None, None): 2.0}
FOLDS = {(0, 0, 0): 1.0, (1, 0, 0): 3.0, (0, 1, 0): 5.0}


def test_what_is_counted() -> None:
    assert unit_of(SEEDS) == "seed"
    assert unit_of(FOLDS) == "fold"
    assert unit_of([(0, 0, 0), (1, 0, 0), (2, 0, 0)]) == "seed"  # on one fold
    assert unit_of([(0, None, 4), (1, None, 4)]) == "seed"  # on one split
    assert unit_of([(0, None, 4), (1, None, 4), (0, None, 5)]) == "split"
    assert unit_of([]) == "seed"


def test_seeds_are_averaged_on_each_split_that_they_do_not_draw() -> None:
    assert by_split(FOLDS) == {(None, 0, 0): 2.0, (None, 1, 0): 5.0}
    assert by_split(SEEDS) == SEEDS


def test_a_fold_without_a_seed_of_the_split_is_of_split_seed_0() -> None:
    config = {"seed": 3, "data.fold": 1, "data.folds": 5, "optimizer.lr": 0.1}
    assert repeat_of(config) == repeat_of({}, config | {"data.split_seed": 0}) == (3, 1, 0)
    assert repeat_of({"seed": 3}, {"seed": 4, "data.split_seed": 2}) == (3, None, 2)
    assert without_repeats(config) == {"data.folds": 5, "optimizer.lr": 0.1}
