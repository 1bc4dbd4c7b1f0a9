"""Comparisons of settings, held against SciPy."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradexp.sweeps.report.comparison import compare as module
from gradexp.sweeps.report.comparison.compare import compare
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.terminal import lines as report_lines
from tests.sweeps.report.comparison.jobs import LOST, job, settings, sweep

ACCURACY = Metric("best/val/accuracy", 1)
TEST = Metric("test/accuracy", 1)
LOSS = Metric("best/val/loss", -1)


def draws(means: list[float], seeds: int, spread: float = 0.01, shared: float = 0.0) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    common = rng.normal(0, shared, seeds) if shared else np.zeros(seeds)
    return {f"s{n}": (rng.normal(mean, spread, seeds) + common).tolist() for n, mean in enumerate(means)}


def test_two_settings_are_compared_in_pairs_without_an_adjustment() -> None:
    scores = draws([0.90, 0.92], 5, 0.002, shared=0.05)
    found = compare(settings(scores), ACCURACY)
    (pair,) = found.pairs
    expected = stats.ttest_rel(scores["s0"], scores["s1"])
    interval = expected.confidence_interval()
    assert [found.settings[n].label for n in (pair.a, pair.b)] == ["model.init=s0", "model.init=s1"]
    assert (pair.n, pair.paired, str(pair.verdict), found.is_chosen, found.comparisons) == (5, True, "worse", False, 1)
    assert pair.difference == pytest.approx(np.mean(scores["s0"]) - np.mean(scores["s1"]))
    # The differences spread by less than one of 200 samples, which is what counts.
    assert pair.p is not None
    assert pair.p > expected.pvalue
    assert pair.low is not None
    assert pair.low < interval.low


def test_the_test_metric_is_compared_after_welch() -> None:
    scores = draws([0.90, 0.92], 5, 0.02)
    (pair,) = compare(settings(scores, "test/accuracy"), TEST).pairs
    expected = stats.ttest_ind(scores["s1"], scores["s0"], equal_var=False)
    if pair.difference < 0:
        expected = stats.ttest_ind(scores["s0"], scores["s1"], equal_var=False)
    assert not pair.paired
    assert pair.p == pytest.approx(expected.pvalue)
    assert (pair.low, pair.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_the_best_found_is_tested_over_all_pairs_by_holm() -> None:
    scores = draws([0.90, 0.90, 0.93, 0.91], 6, 0.01)
    found = compare(settings(scores), ACCURACY)
    assert (found.is_chosen, found.comparisons, len(found.pairs), len(found.with_reference)) == (True, 6, 6, 3)
    assert found.settings[found.reference].label == "model.init=s2"
    p = {}
    for a, b in itertools.combinations(scores, 2):
        p[frozenset((a, b))] = stats.ttest_rel(scores[a], scores[b]).pvalue
    order = sorted(p, key=lambda pair: p[pair])
    holm = dict.fromkeys(order, 0.0)
    for step, names in enumerate(order):
        holm[names] = min(1.0, max([p[names] * (6 - step), *(holm[before] for before in order[:step])]))
    for pair in found.pairs:
        names = frozenset(found.settings[n].label.removeprefix("model.init=") for n in (pair.a, pair.b))
        assert pair.p == pytest.approx(p[names])
        assert pair.p_holm == pytest.approx(holm[names])
        assert pair.low is not None
        assert pair.high is not None
        assert (pair.p_holm is not None and pair.p_holm <= 0.05) == (pair.low > 0 or pair.high < 0)
    assert all(pair.b == found.reference for pair in found.with_reference)
    assert all(pair.difference <= 0 for pair in found.pairs), "each beside the better one"


def test_a_baseline_is_compared_over_as_many_pairs_as_there_are_others() -> None:
    scores = draws([0.90, 0.91, 0.93, 0.91], 6, 0.01)
    found = compare(settings(scores), ACCURACY, {"model.init": "s0"})
    assert (found.is_chosen, found.comparisons, len(found.pairs)) == (False, 3, 3)
    assert {found.settings[pair.b].label for pair in found.pairs} == {"model.init=s0"}
    p = [stats.ttest_rel(scores[name], scores["s0"]).pvalue for name in ("s1", "s2", "s3")]
    assert min(pair.p_holm for pair in found.pairs if pair.p_holm is not None) == pytest.approx(min(p) * 3)


@pytest.mark.parametrize(("key", "text"), [("model.init", "s9"), ("optimizer.lr", "0.001"), ("no.such", "1")])
def test_a_baseline_must_be_one_setting(key: str, text: str) -> None:
    made = settings(draws([0.9, 0.9, 0.9], 3))
    several = key == "optimizer.lr"
    rest = "is 3 settings: .*Name more keys" if several else "is none of the settings: model.init=s"
    with pytest.raises(
        ValueError, match=rf"compare.baseline must be one of the settings; got {key}={text}, which {rest}"
    ):
        compare(made, ACCURACY, {key: text})


def test_for_a_loss_the_lower_is_better() -> None:
    scores = {"low": [0.10, 0.11, 0.12, 0.11, 0.10], "high": [0.20, 0.22, 0.21, 0.19, 0.23]}
    found = compare(settings(scores, "best/val/loss"), LOSS)
    (pair,) = found.pairs
    assert found.settings[pair.a].label == "model.init=high"
    assert pair.difference > 0
    assert (str(pair.verdict), pair.p_beats) == ("worse", 0.0)
    (pair,) = compare(settings(scores, "best/val/loss"), LOSS, {"model.init": "high"}).pairs
    assert (str(pair.verdict), pair.p_beats) == ("better", 1.0)


def test_verdicts_need_three_seeds_and_chances_five() -> None:
    by_seeds: dict[int, Any] = {
        seeds: compare(settings(draws([0.9, 0.95], seeds)), ACCURACY).pairs[0] for seeds in range(1, 6)
    }
    assert [by_seeds[seeds].verdict is None for seeds in range(1, 6)] == [True, True, False, False, False]
    assert [by_seeds[seeds].p_beats is None for seeds in range(1, 6)] == [True] * 4 + [False]
    assert by_seeds[2].difference < 0
    assert by_seeds[2].p is None


def test_within_noise_is_an_interval_inside_delta() -> None:
    scores = draws([0.900, 0.9001], 10, 0.001, shared=0.03)
    (pair,) = compare(settings(scores), ACCURACY).pairs
    assert str(pair.verdict) == "within noise"
    pooled = np.sqrt(np.mean([np.var(values, ddof=1) for values in scores.values()]))
    assert pair.delta == pytest.approx(pooled)
    (pair,) = compare(settings(scores), ACCURACY, delta=0.001).pairs
    assert str(pair.verdict) == "cannot tell yet"
    assert pair.delta == 0.001
    assert pair.seeds is not None
    least, expected, most = pair.seeds
    assert least is not None
    assert expected is not None
    assert least < expected
    assert most is None or most > expected


def test_equal_scores_at_every_seed_are_no_proof() -> None:
    (pair,) = compare(settings({"a": [0.95] * 3, "b": [0.955] * 3}), ACCURACY).pairs  # one of 200 samples
    assert pair.p is not None
    assert 0.1 < pair.p < 0.5
    assert str(pair.verdict) == "cannot tell yet"


def test_runs_of_other_seeds_are_not_paired() -> None:
    jobs = [job(n, {"model.init": "a", "seed": n}, metrics={"best/val/accuracy": 0.9 + n / 100}) for n in range(5)]
    jobs += [job(n, {"model.init": "b", "seed": n}, metrics={"best/val/accuracy": 0.9 + n / 200}) for n in range(5, 10)]
    (pair,) = compare(settings_of(jobs), ACCURACY).pairs
    assert (pair.n, pair.paired) == (5, False)
    jobs += [job(n, {"model.init": "b", "seed": n}, metrics={"best/val/accuracy": 0.9}) for n in range(3)]
    (pair,) = compare(settings_of(jobs), ACCURACY).pairs
    assert (pair.n, pair.paired) == (3, True)  # most seeds of the one with five are common


def test_a_setting_with_fewer_seeds_is_not_the_best() -> None:
    found = compare(settings({"lucky": [0.99], "a": [0.95, 0.94, 0.96], "b": [0.90, 0.91, 0.92]}), ACCURACY)
    assert [one.label for one in found.settings] == ["model.init=a", "model.init=b", "model.init=lucky"]
    assert found.comparisons == 1
    assert sorted(pair.verdict is None for pair in found.pairs) == [False, True, True]


def test_two_groups_and_lost_jobs_are_said() -> None:
    made = settings({"a": [0.98, 0.979, 0.981, 0.98, 0.88], "b": [0.97, 0.975, 0.972, 0.978, 0.971]})
    lost = settings_of(
        [job(20 + n, {"model.init": "lost", "seed": n}, status="diverged", metrics=LOST) for n in range(2)]
    )
    found = compare([*made, *lost], ACCURACY)
    assert {one.label: one.groups for one in found.settings} == {"model.init=a": (1, 4), "model.init=b": None}
    assert [one.label for one in found.lost] == [lost[0].label]


@pytest.mark.parametrize("scores", [{"a": [0.9, 0.8, 0.7]}, {}])
def test_fewer_than_two_settings_are_refused(scores: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match=r"compare.folders must hold two settings or more with best/val/accuracy; got"):
        compare(settings(scores), ACCURACY)


def test_settings_of_which_all_jobs_diverged_are_named_in_the_refusal_and_in_the_report_of_the_sweep() -> None:
    sgd = {"optimizer._target_": "torch.optim.SGD", "regularizer.l1": 0.0, "regularizer.l2": 0.0}
    outcomes = ({"metrics": {ACCURACY.name: 0.9}}, {"status": "diverged", "metrics": LOST})
    jobs = [
        job(3 * n + seed, {"optimizer.lr": rate, "seed": seed}, config=sgd, **outcomes[n])
        for n, rate in enumerate((0.1, 1e30)) for seed in range(3)
    ]  # fmt: skip
    with pytest.raises(
        ValueError, match=r"got one, optimizer.lr=0.1. Without it are optimizer.lr=1e\+30: 3 diverged.$"
    ):
        compare(settings_of(jobs), ACCURACY)
    assert "settings whose jobs all diverged or failed: optimizer.lr=1e+30 (3 diverged)" in report_lines(
        find(sweep(jobs))
    )


def test_of_very_many_settings_only_pairs_with_the_best_are_made_after_bonferroni(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = draws([0.9] * 5 + [0.95], 3, 0.002)
    full = compare(settings(scores), ACCURACY)
    monkeypatch.setattr(module, "MOST", 3)
    few = compare(settings(scores), ACCURACY)
    assert (full.comparisons, few.comparisons, len(full.pairs), len(few.pairs)) == (15, 15, 15, 5)
    for one, other in zip(full.with_reference, few.pairs, strict=True):
        assert (one.a, one.b, one.p) == pytest.approx((other.a, other.b, other.p))
        assert other.p is not None
        assert other.high is not None
        assert other.p_holm is not None
        assert other.p_holm == pytest.approx(min(1.0, 15 * other.p))
        assert (other.high < 0) == (other.p_holm <= 0.05)
