"""Verdicts over the folds of a cross-validation."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from gradexp.sweeps.report.comparison.compare import compare
from gradexp.sweeps.report.comparison.figure import figure
from gradexp.sweeps.report.comparison.next_command import next_commands
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import RunSetting, settings_of
from gradexp.sweeps.report.comparison.table import filled
from gradexp.sweeps.report.comparison.words import lines
from gradexp.sweeps.report.results import Job
from tests.sweeps.report.comparison.jobs import LOST, job

LOSS = Metric("best/val/loss", -1)
TEST = Metric("test/loss", -1)
TABLE = {
    "a": [[0.30, 0.34], [0.28, 0.30], [0.41, 0.39], [0.35, 0.33], [0.31, 0.35]],
    "b": [[0.36, 0.34], [0.33, 0.31], [0.44, 0.46], [0.41, 0.37], [0.36, 0.38]],
}


def folds(
    table: Mapping[str, Sequence[Sequence[float | None]]], metric: str = LOSS.name, number: int = 5
) -> list[RunSetting]:
    """One setting for each value of model.init, with scores by fold and seed; None for a diverged run."""
    jobs: list[Job] = []
    for name, by_fold in table.items():
        for fold, scores in enumerate(by_fold):
            for seed, score in enumerate(scores):
                typed = {"model.init": name, "data.folds": number, "data.fold": fold, "seed": seed}
                more = {"status": "diverged", "metrics": LOST} if score is None else {"metrics": {metric: score}}
                jobs.append(job(len(jobs), typed, **more))
    return settings_of(jobs)


@pytest.mark.parametrize("metric", [LOSS, TEST])
def test_folds_are_paired_means_over_seeds_with_the_corrected_variance(metric: Metric) -> None:
    found = compare(folds(TABLE, metric.name), metric)
    (pair,) = found.pairs
    one, other = (np.mean(TABLE[name], axis=1) for name in "ab")
    gaps = other - one if found.settings[pair.a].label == "model.init=b" else one - other
    error = np.sqrt((1 / 5 + 1 / 4) * gaps.var(ddof=1))
    assert (found.unit, pair.n, pair.paired) == ("fold", 5, True)
    assert pair.difference == pytest.approx(gaps.mean())
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(gaps.mean()) / error, 4))
    reach = stats.t.isf(0.025, 4) * error
    assert (pair.low, pair.high) == pytest.approx((gaps.mean() - reach, gaps.mean() + reach))
    best = found.settings[0]
    assert best.spread == pytest.approx(one.std(ddof=1))
    assert best.high == pytest.approx(one.mean() + stats.t.isf(0.025, 4) * one.std(ddof=1) * np.sqrt(0.45))
    assert pair.p_beats is None  # runs of folds are not independent


def test_a_lost_seed_leaves_its_fold_and_a_lost_fold_its_pair() -> None:
    table: dict[str, Sequence[Sequence[float | None]]] = {
        "a": TABLE["a"],
        "b": [[0.36, None], *TABLE["b"][1:4], [None, None]],
    }
    found = compare(folds(table), LOSS)
    (pair,) = found.pairs
    gaps = np.mean(TABLE["a"], axis=1)[:4] - np.array([0.36, *np.mean(TABLE["b"][1:4], axis=1)])
    assert (pair.n, pair.paired) == (4, True)
    assert abs(pair.difference) == pytest.approx(abs(gaps.mean()))


def test_folds_of_other_numbers_are_no_pairs() -> None:
    settings = folds({"a": TABLE["a"]}) + folds({"b": TABLE["b"]}, number=10)
    (pair,) = compare(settings, LOSS).pairs
    assert (pair.n, pair.paired) == (5, False)
    parts = np.array(
        [np.mean(TABLE[name], axis=1).var(ddof=1) * (1 / 5 + share) for name, share in (("a", 1 / 4), ("b", 1 / 9))]
    )
    df = parts.sum() ** 2 / (parts**2 / 4).sum()
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(pair.difference) / np.sqrt(parts.sum()), df))


def test_seeds_on_one_fold_or_split_are_seeds() -> None:
    table = {name: [[0.1 * seed + 0.01 * n for seed in range(4)]] for n, name in enumerate("ab")}
    found = compare(folds(table), LOSS)
    assert (found.unit, found.pairs[0].n, found.settings[0].folds) == ("seed", 4, None)
    jobs = [
        job(0, {"model.init": n, "data.split_seed": split, "seed": seed}, metrics={LOSS.name: n + split + seed})
        for n in (0, 1) for split in range(4) for seed in (0, 1)
    ]  # fmt: skip
    splits = compare(settings_of(jobs), LOSS)
    assert (splits.unit, splits.pairs[0].n) == ("split", 4)
    assert splits.settings[0].spread == pytest.approx(np.std(range(4), ddof=1))


def test_folds_are_said() -> None:
    near = {
        "a": TABLE["a"],
        "b": [[score + (-0.01, 0.03)[fold % 2] for score in TABLE["a"][fold]] for fold in range(5)],
    }
    found = compare(folds(near), LOSS)
    said = "\n".join(lines(found))
    assert "a fold's score is the mean over its seeds; folds share training samples" in said
    assert "5 pairs of equal folds" in said
    assert "takes 1 or far more repetitions of all 5 folds, about 3 (80 % power)" in said
    assert "settle it with other folds, and compare these alone: python -m gradexp -m data.folds=5" in said
    columns, cells = filled(found)
    assert columns[2:4] == ["± over folds", "folds"]
    assert [row[3] for row in cells] == ["5", "5"]
    (axes,) = figure(found).axes
    assert axes.figure.get_suptitle() == "Settings compared: every fold a dot"
    assert "from three folds on" in lines(compare(folds({name: rows[:2] for name, rows in TABLE.items()}), LOSS))[0]


def test_the_command_repeats_all_folds_on_fresh_splits_at_the_same_seeds() -> None:
    (line,) = next_commands(folds(TABLE), 2)
    assert line == (
        "python -m gradexp -m data.folds=5 model.init=a,b data.split_seed=100,101 seed=0,1 'data.fold=range(5)'"
    )


def test_folds_beside_plain_seeds_keep_their_own_units() -> None:
    rng = np.random.default_rng(2)
    plain = [
        job(100 + n, {"model.init": name, "seed": n}, metrics={LOSS.name: score})
        for name in "cd" for n, score in enumerate(rng.normal(0.3 if name == "c" else 0.5, 0.01, 4))
    ]  # fmt: skip
    found = compare(folds({"a": TABLE["a"]}) + settings_of(plain), LOSS)
    assert {one.label[11]: (one.unit, one.folds) for one in found.settings} == {
        "a": ("fold", 5),
        "c": ("seed", None),
        "d": ("seed", None),
    }
    of_seeds = next(pair for pair in found.pairs if {found.settings[n].unit for n in (pair.a, pair.b)} == {"seed"})
    assert (of_seeds.n, of_seeds.paired) == (4, True)
    said = "\n".join(lines(found))
    assert "the settings count by different units: 4 seeds of model.init=c" in said
    assert "5 folds of " in said
    assert "4 pairs of equal seeds" in said
    assert "5 folds beside 4 seeds" in said
    assert "equal folds" not in said
    assert filled(found)[0][2:4] == ["± over scores", "scores"]
    # Runs on one of the folds alone count by folds beside those on all of them.
    one_fold = compare([*folds({"a": TABLE["a"]}), *folds({"b": [[0.3, 0.4]]})], LOSS)
    assert (one_fold.unit, [len(one.scores) for one in one_fold.settings]) == ("fold", [5, 1])


def test_open_verdicts_on_folds_come_with_the_command_that_may_settle_them() -> None:
    """Where only the least number of repetitions is known, its command; where none tells the gap, no command."""
    base = np.array([0.30, 0.28, 0.41, 0.35, 0.31])

    def said(gaps: Sequence[float]) -> str:
        return "\n".join(lines(compare(folds({"a": [[v] for v in base], "b": [[v] for v in base + gaps]}), LOSS)))

    near = said([0.06, -0.05, 0.05, -0.03, 0.04])
    assert "takes 2 or far more repetitions of all 5 folds (80 % power)" in near
    assert "may settle it with other folds, and compare these alone: python -m gradexp -m " in near
    assert "data.split_seed=100,101 seed=0 'data.fold=range(5)'" in near
    noisy = said([0.2, -0.2, 0.2, -0.2, 0.01])
    assert "no number of repetitions of all 5 folds would tell" in noisy
    assert "settle it" not in noisy
