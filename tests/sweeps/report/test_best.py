"""The best setting by the mean over its seeds, never one lucky job, and what is not told from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from gradexp.sweeps.report.best import best_of
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.page import write_page
from gradexp.sweeps.report.penalty_map import penalties
from gradexp.sweeps.report.ranking import ranking
from gradexp.sweeps.report.results import Job, SweepResults, read_sweep
from gradexp.sweeps.report.search import Found
from gradexp.sweeps.report.sensitivity import learning_rates
from gradexp.sweeps.report.terminal import lines, print_findings
from gradexp.sweeps.report.times import times
from gradexp.sweeps.search.objectives import Objective
from gradexp.sweeps.search.space import Dimension
from gradexp.sweeps.search.trials import Trial
from tests.sweeps.folders import grid, write_sweep
from tests.sweeps.report.comparison.jobs import LOST, job, sweep

SCORE = "best/val/accuracy"


def swept(scores: dict[float, list[float | None]], key: str = "optimizer.lr", **more: float) -> SweepResults:
    """One setting for each rate, with these scores at seeds 0, 1, 2, and so on; None for a diverged job."""
    jobs: list[Job] = []
    for rate, values in scores.items():
        for seed, score in enumerate(values):
            config = {"optimizer._target_": "torch.optim.SGD", "regularizer.l1": 0.0, "regularizer.l2": 0.0, key: rate}
            measured = {"seconds/fit": 1.0 + rate, **more, **({SCORE: score} if score is not None else LOST)}
            status = "completed" if score is not None else "diverged"
            typed = {key: rate, "seed": seed}
            jobs.append(job(len(jobs), typed, status=status, metrics=measured, config=config))
    return sweep(jobs)


def test_the_best_has_the_best_mean_and_no_lucky_job_beats_it() -> None:
    # The best single job, 0.99, is of 0.3; the only job left of 1.0 has 0.98.
    results = swept(
        {
            0.1: [0.95, 0.955, 0.96, 0.953],
            0.2: [0.952, 0.953, 0.961, 0.951],
            0.3: [0.99, 0.80, 0.81, 0.82],
            0.01: [0.70, 0.704, 0.712, 0.703],
            1.0: [None, 0.98, None, None],
        }
    )
    ranked = ranking(results)
    assert [setting.label for setting in ranked] == [f"optimizer.lr={rate}" for rate in (0.1, 0.2, 0.3, 0.01, 1.0)]
    best = best_of(results, ranked)
    assert best is not None
    assert best.setting is ranked[0]
    # Told from it by Holm over all pairs: 0.01 alone; 1.0 has too few seeds for a verdict.
    gaps = np.subtract(ranked[0].scores, ranked[3].scores)
    assert stats.ttest_1samp(gaps, 0).pvalue * 6 < 0.05
    assert [setting.label for setting in best.beside] == ["optimizer.lr=0.2", "optimizer.lr=0.3"]
    assert [setting.label for setting in best.few] == ["optimizer.lr=1.0"]
    line = learning_rates(results)["SGD"]
    assert line.best == (ranked[0], 0.1)
    assert ranked[0].mean == pytest.approx(np.mean([0.95, 0.955, 0.96, 0.953]))
    assert line.beside == [0.2, 0.3]
    assert line.diverged == [1.0]
    assert line.rates == [0.01, 0.1, 0.2, 0.3, 1.0]
    assert line.band.seeds == [4, 4, 4, 4, 1]
    found = times(results)
    assert found is not None
    assert [(point.setting.label, point.seconds) for point in found.front] == [
        ("optimizer.lr=0.01", 1.01),
        ("optimizer.lr=0.1", 1.1),
    ]
    said = "\n".join(lines(find(results)))
    assert (
        "best by the mean: optimizer.lr=0.1 (0.9545 ± 0.0042 over 4 seeds); not told from it: optimizer.lr=0.2, "
        "optimizer.lr=0.3; too few seeds to say: optimizer.lr=1.0\n" in said
    )
    assert "fewer than 4 seeds with a score: optimizer.lr=1.0 (1)" in said
    assert "SGD best at 0.1 (0.9545 ± 0.0042 over 4 seeds; not told from it: 0.2, 0.3)" in said
    assert "time: 0.7047 ± 0.0051 over 4 seeds in 1.0 s, 0.9545 ± 0.0042 over 4 seeds in 1.1 s" in said
    assert "0.99" not in said
    assert "0.98" not in said


def test_a_search_by_other_metrics_names_no_best_by_the_monitor() -> None:
    findings = find(swept({0.1: [0.95, 0.96, 0.955], 0.2: [0.90, 0.905, 0.91]}))
    for metrics, is_said in ((("val/loss", "parameters"), False), (("val/accuracy", "parameters"), True)):
        objectives = [Objective(metric, "min") for metric in metrics]
        search = Found("tpe", objectives, [0, 1, 2], {}, [], 0, [], [], {})
        said = "\n".join(lines(replace(findings, search=search)))
        assert ("best by the mean" in said) is is_said
        assert "the table ranks by best/val/accuracy alone; the trials on the front have no order" in said


def test_the_table_of_a_search_by_another_metric_says_what_it_goes_by() -> None:
    findings = find(swept({0.1: [0.95], 0.2: [0.90]}))
    words = "the table ranks by best/val/accuracy alone; the search went by val/loss"
    for metric, is_said in (("val/loss", True), ("val/accuracy", False)):
        search = Found("tpe", [Objective(metric, "min")], [0], {}, [], 0, [], [], {})
        assert (words in lines(replace(findings, search=search))) is is_said


def test_the_table_marks_the_trials_on_the_front(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    findings = find(read_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.001, 0.01, 0.1], seed=[0]))))
    objectives = [Objective("val/accuracy", "max"), Objective("parameters", "min")]
    trials = [Trial(n, {"optimizer.lr": rate}, {0: (0.9, n)}) for n, rate in enumerate((0.001, 0.01, 0.1))]
    space = {"optimizer.lr": Dimension(choices=("0.001", "0.01", "0.1"))}
    search = Found("tpe", objectives, [0], space, trials, 0, trials[1:], [[], []], {})
    findings = replace(findings, search=search)
    print_findings(findings, [], Console(width=40))  # in a pipe no row is broken
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("optimizer.lr=")][:3]
    assert sorted((row.split()[0], row.endswith("yes")) for row in rows) == [
        ("optimizer.lr=0.001", False), ("optimizer.lr=0.01", True), ("optimizer.lr=0.1", True),
    ]  # fmt: skip
    text = write_page(findings, [], {}).read_text()
    assert '<th scope="col">on the front</th>' in text
    assert text.count("<td>yes</td>") == 2


def test_a_setting_that_lost_one_of_many_seeds_can_be_the_best() -> None:
    results = swept({0.1: [0.95, 0.96, 0.955, 0.952, None], 0.2: [0.90, 0.905, 0.91, 0.903, 0.902]})
    assert [setting.label for setting in ranking(results)] == ["optimizer.lr=0.1", "optimizer.lr=0.2"]
    said = "\n".join(lines(find(results)))
    assert "0.1 (0.9542 ± 0.0043 over 4 seeds); all others are worse by more than the noise of seeds" in said
    assert "fewer than 5 seeds with a score: optimizer.lr=0.1 (4)" in said


def test_the_best_pair_of_penalties_stands_beside_those_not_told_from_it() -> None:
    results = swept({1e-3: [0.95, 0.955, 0.96], 0.0: [0.951, 0.952, 0.96], 0.1: [0.5, 0.505, 0.51]}, "regularizer.l2")
    found = penalties(results)
    assert found is not None
    assert found.best is not None
    assert (found.best[0].mean, *found.best[1:]) == pytest.approx((0.955, 0.0, 1e-3))
    assert found.beside == [(0.0, 0.0)]
    assert found.l2 == [0.0, 1e-3, 0.1]
    assert found.band.spread == pytest.approx(
        [np.std(s, ddof=1) for s in ([0.951, 0.952, 0.96], [0, 5e-3, 1e-2], [0, 5e-3, 1e-2])]
    )
    said = lines(find(results))
    assert "penalties: best at l2 0.001 (0.955 ± 0.005 over 3 seeds; not told from it: l2 0)" in said, "l1 is the same"


def test_short_times_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    results = swept({0.1: [0.95], 0.2: [0.90]})
    for row, seconds in zip(results.jobs, (0.0312, 1.5), strict=True):
        row.metrics["seconds/fit"] = seconds
    results.jobs[1].metrics[SCORE] = 0.96  # slower and better
    print_findings(find(results), [], Console(width=200))
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.startswith("optimizer.lr=")][:2]
    assert [row[-1] for row in rows] == ["1.5", "0.03"]
    assert "time: 0.95 in 0.03 s, 0.96 in 1.5 s" in out


def test_two_seeds_give_no_verdict_and_one_seed_says_nothing_of_seeds(tmp_path: Path) -> None:
    said = "\n".join(lines(find(swept({0.1: [0.95, 0.96], 0.2: [0.5, 0.51]}))))
    assert (
        "best by the mean: optimizer.lr=0.1 (0.955 ± 0.0071 over 2 seeds); no other is told from it with fewer" in said
    )
    assert "best at 0.1 (0.955 ± 0.0071 over 2 seeds)" in said
    of_one = lines(find(read_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1])))))
    assert of_one[0] == "learning rate: Adam best at 0.01 (0.97)"
    assert not [line for line in of_one if "±" in line or "seeds" in line]
    assert best_of(sweep([]), []) is None


def test_settings_that_trained_alike_are_not_told_apart() -> None:
    results = swept({1: [0.95, 0.955, 0.96], 2: [0.951, 0.955, 0.96]}, "threads")
    best = best_of(results, ranking(results))
    assert best is not None
    assert (best.setting.label, best.is_judged) == ("threads=2", False)
    assert [setting.label for setting in best.beside] == ["threads=1"]
    assert lines(find(results))[0].endswith("over 3 seeds); not told from it: threads=1")


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (
            {0.1: [0.95, 0.951, 0.952], 0.2: [0.9, 0.901, 0.902], 0.3: [0.2]},
            "all others with three seeds or more are worse by more than the noise of seeds; too few seeds to say: "
            "optimizer.lr=0.3",
        ),
        ({0.1: [0.95, 0.951, 0.952], 0.3: [0.2]}, "too few seeds to say: optimizer.lr=0.3"),
    ],
)
def test_a_setting_that_was_never_compared_is_not_called_one_that_is_not_told_from_the_best(
    scores: dict[float, list[float | None]], words: str
) -> None:
    said = lines(find(swept(scores)))
    assert f"best by the mean: optimizer.lr=0.1 (0.951 ± 0.001 over 3 seeds); {words}" in said
    assert not [line for line in said if "not told" in line]
