"""The table of scores on several problems: its ranks are those of the verdicts on each."""

import itertools

import numpy as np
import pytest

from gradexp.sweeps.report.scores.board import APART, Board, board
from gradexp.sweeps.report.scores.table import columns, lines, rows, short_names
from tests.sweeps.report.comparison.jobs import job, sweep
from tests.sweeps.report.scores.benchmarks import benchmark

NOISE = np.random.default_rng(0).normal(size=(9, 8))


def around(mean: float, row: int) -> list[float]:
    return list(mean + 0.01 * NOISE[row])


def two_problems() -> Board:
    one = benchmark("digits", {
        ("sgd", 0.3): around(0.90, 0), ("sgd", 0.1): around(0.80, 1), ("adam", 0.1): around(0.90, 2),
        ("lion", 0.2): around(0.70, 3), ("lion", 0.1): [None] * 8,
    }, metrics={"bytes/optimizer_state": 80})  # fmt: skip
    other = benchmark(
        "cancer", {("sgd", 0.1): around(0.60, 4), ("adam", 0.2): around(0.95, 5), ("adam", 0.1): around(0.95, 6)},
        "BreastCancer", metrics={"seconds/fit": 3.0},
    )  # fmt: skip
    return board([one, other])


def test_what_cannot_be_told_apart_shares_a_rank_on_each_problem() -> None:
    found = two_problems()
    assert [problem.label for problem in found.problems] == ["digits", "cancer"]
    ranks = {row.entrant: [cell.ranks if cell else None for cell in row.cells] for row in found.rows}
    assert ranks == {
        ("adam", "tuned"): [(1,), (1,)],  # on digits its default is the best
        ("adam", "default"): [(1,), (1,)],
        ("sgd", "tuned"): [(1,), (2,)],
        ("sgd", "default"): [(2,), (2,)],
        ("lion", "tuned"): [(3,), None],
        ("lion", "default"): [(), None],
    }
    assert [row.first for row in found.rows] == [2, 2, 1, 0, 0, 0]
    for problem in found.problems:  # by the verdicts themselves
        compared = problem.comparison
        cell = {id(one.scored): one for one in problem.cells.values()}
        for pair in compared.pairs:
            one, other = (cell[id(compared.settings[number])].ranks for number in (pair.a, pair.b))
            assert bool({*one} & {*other}) == (pair.verdict not in APART)
        assert len(compared.pairs) == len(list(itertools.combinations(compared.settings, 2)))


def test_the_table_says_what_was_not_tried_and_what_diverged() -> None:
    found = two_problems()
    assert columns(found) == ["entrant", "rate", "digits", "cancer", "first", "time a step", "state"]
    cells = {(row[0], row[1]): row[2:] for row in rows(found)}
    mean, spread = np.mean(around(0.9, 2)), np.std(around(0.9, 2), ddof=1)
    assert cells["adam", "default"][0] == f"{mean:.4g} ± {spread:.2g} (1)"
    assert cells["lion", "default"] == ["diverged", "not tried", "0 of 1", "", ""]
    assert cells["lion", "tuned"][1:3] == ["not tried", "0 of 1"]
    assert cells["sgd", "tuned"][2] == "1 of 2"
    said = lines(found)
    assert said[0] == "digits: best/val/accuracy, higher is better, mean ± standard deviation over 8 seeds"
    assert any(line.startswith("tuned: the best rate of the grid") for line in said)


def test_who_is_not_told_from_the_best_is_among_the_first() -> None:
    # Two that are told from each other, neither of them from a best that varies a lot.
    scores = {("best", 0.1): [1.15, 0.75] * 4, ("one", 0.1): around(0.90, 1), ("other", 0.1): around(0.80, 2)}
    found = board([benchmark("digits", scores), benchmark("mnist", scores, "MNIST")])
    ranks = {row.entrant[0]: cell.ranks for row in found.rows if (cell := row.cells[0])}
    assert ranks == {"best": (1, 2), "one": (1,), "other": (2,)}
    assert all(row.first == 2 for row in found.rows)


def test_costs_are_means_over_the_jobs_and_ratios_over_the_problems() -> None:
    scores = {("sgd", 0.1): around(0.9, 0), ("adam", 0.1): around(0.9, 1)}
    parts = [benchmark(name, scores, name, metrics={"bytes/optimizer_state": 80}) for name in ("Digits", "MNIST")]
    for part, ratio in zip(parts, (4.0, 9.0), strict=True):
        for one in part.jobs:
            if one.entrant == "adam":
                one.metrics["seconds/fit"] *= ratio
    found = {row.entrant[0]: row for row in board(parts).rows}
    assert found["sgd"].slower == pytest.approx(1.0)
    assert found["adam"].slower == pytest.approx(6.0)
    assert (found["sgd"].state, found["adam"].state) == (8.0, 8.0)
    first = found["adam"].cells[0]
    assert first is not None
    assert first.costs.seconds == pytest.approx(2.0 * 4 / 100)


def test_folders_of_one_problem_are_joined_and_equal_names_are_told_apart() -> None:
    one = benchmark("digits", {("sgd", 0.1): around(0.9, 0), ("sgd", 0.2): around(0.9, 1)})
    more = benchmark("digits", {("lion", 0.1): around(0.9, 2), ("lion", 0.2): around(0.9, 3)}, folder="more")
    other = benchmark("digits", {("sgd", 0.1): around(0.9, 4), ("lion", 0.1): around(0.9, 5)}, "MNIST", "other")
    found = board([one, more, other])
    assert [problem.label for problem in found.problems] == ["digits (Digits)", "digits (MNIST)"]
    assert len(found.problems[0].comparison.settings) == 4
    assert all(cell is not None for row in found.rows for cell in row.cells)


def test_sweeps_that_are_no_benchmarks_have_their_settings_as_entrants() -> None:
    parts = []
    for data in ("Digits", "MNIST"):
        jobs = [
            job(number, {"optimizer": name, "experiment": data, "seed": seed}, data,
                metrics={"best/val/accuracy": around(0.9, number)[seed]}, config={"data._target_": data})
            for number, (name, seed) in enumerate(itertools.product(("sgd", "adam"), range(3)))
        ]  # fmt: skip
        parts.append(sweep(jobs))
    found = board(parts)
    assert {row.entrant for row in found.rows} == {("optimizer=sgd", ""), ("optimizer=adam", "")}
    assert columns(found)[:3] == ["setting", "made (Digits)", "made (MNIST)"]


def test_two_runs_of_an_entrant_that_are_no_pair_go_by_their_labels() -> None:
    scores = {("sgd", 0.2): around(0.9, 0), ("sgd", 0.3): around(0.9, 1)}
    found = board([benchmark("digits", scores), benchmark("mnist", scores, "MNIST")])
    assert {row.entrant[0] for row in found.rows} == {f"optimizer=sgd optimizer.lr={rate}" for rate in (0.2, 0.3)}


def test_a_problem_that_cannot_be_ranked_is_named() -> None:
    good = benchmark("digits", {("sgd", 0.1): around(0.9, 0), ("adam", 0.1): around(0.9, 1)})
    alone = benchmark("mnist", {("sgd", 0.1): around(0.9, 2)}, "MNIST")
    with pytest.raises(ValueError, match="must hold two settings or more with best/val/accuracy; got one") as caught:
        board([good, alone])
    assert caught.value.__notes__ == ["(In the problem mnist.)"]
    with pytest.raises(ValueError, match=r"compare\.metric must be a metric that all settings have.*got val/f1"):
        board([good, good], "val/f1")
    many = {(f"o{number}", 0.1): around(0.9, 0)[:2] for number in range(61)}
    with pytest.raises(
        ValueError, match="must hold at most 60 settings of a problem, all of which are compared; got 61"
    ):
        board([benchmark("digits", many)])
    with pytest.raises(ValueError, match=r"compare\.folders must hold jobs that have begun; got none"):
        board([sweep([])])


def test_few_seeds_and_no_noise_are_said() -> None:
    few = {("sgd", 0.1): around(0.9, 0)[:2], ("adam", 0.1): around(0.1, 1)[:2]}
    same = {("sgd", 0.1): [0.5] * 3, ("adam", 0.1): [0.4] * 3}
    found = board([benchmark("digits", few), benchmark("mnist", same, "MNIST")])
    said = lines(found)
    assert said[0].endswith("over 2 seeds; 2 of 2 settings have fewer than three, and are told from none")
    assert said[1].endswith("all seeds of a setting give the same: chance has no part in it")
    assert [cell.ranks for row in found.rows if (cell := row.cells[0])] == [(1,)] * 4


def test_classes_lose_their_packages_unless_names_collide() -> None:
    names = ["a.Lion", "b.c.Lion", "torch.optim.NAdam", "sgd", "optimizer.lr=0.1"]
    assert short_names(names) == {name: name for name in names} | {"torch.optim.NAdam": "NAdam"}
