"""The findings of a sweep, compared with direct computations and with SciPy."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Annotation, Text
from scipy import stats

from gradexp.figures.output import figures_as
from gradexp.objective.monitor import OWN
from gradexp.sweeps.plan.final_runs import final_runs
from gradexp.sweeps.plan.manifest import Manifest
from gradexp.sweeps.report import drawn_curves, drawn_settings, plotly_figures
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.importance import variance_explained
from gradexp.sweeps.report.page import write_page
from gradexp.sweeps.report.penalty_map import penalties
from gradexp.sweeps.report.ranking import best_and_median, ranking, shown_range
from gradexp.sweeps.report.results import Job, read_sweep, write_csv
from gradexp.sweeps.report.sensitivity import learning_rates
from gradexp.sweeps.report.terminal import lines
from gradexp.sweeps.report.times import pareto_front
from tests.sweeps.folders import accuracy, grid, write_sweep
from tests.sweeps.report.comparison.jobs import job, sweep

DIVERGED = {"status": "diverged", "reason": "at step 3", "monitor": "val/accuracy", "seconds/fit": 1.0}
DIVERGED["monitor_mode"] = "max"


def test_settings_are_ranked_by_their_mean_over_seeds_and_diverged_ones_come_last(tmp_path: Path) -> None:
    jobs = grid(optimizer=["adam"], optimizer__lr=[0.001, 0.01, 0.1], seed=[0, 1, 2])
    results = read_sweep(write_sweep(tmp_path, jobs, {4: DIVERGED}))  # job 4 is a seed of the best setting
    ranked = ranking(results)
    assert [setting.label for setting in ranked] == [
        f"optimizer=adam optimizer.lr={rate}" for rate in ("0.001", "0.1", "0.01")
    ]
    scores = [accuracy(job) for job in jobs[:3]]
    assert ranked[0].mean == pytest.approx(fmean(scores))
    assert ranked[0].spread == pytest.approx(stdev(scores))
    assert (ranked[2].diverged, ranked[2].lost, len(ranked[2].scores)) == (1, 1, 2)
    failed = {"status": "failed", "reason": "no memory"}
    results = read_sweep(write_sweep(tmp_path / "failed", jobs, {4: failed, 5: DIVERGED, 7: failed}))
    assert [(setting.label.rpartition("=")[2], setting.lost) for setting in ranking(results)] == [
        ("0.001", 0),
        ("0.1", 1),
        ("0.01", 2),
    ]


def test_a_job_resumed_with_other_settings_is_not_pooled_with_its_seeds(tmp_path: Path) -> None:
    jobs = grid(optimizer=["adam"], optimizer__lr=[0.01, 0.1], seed=[0, 1])
    folder = write_sweep(tmp_path, jobs)
    path = folder / "1" / "metrics.json"
    resumed = [{"step": 78, "key": "optimizer.lr", "old": 0.01, "new": 0.5}]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resumed": resumed, "val/accuracy": 1.0}))
    results = read_sweep(folder)
    found = find(results)
    # The setting with one seed left comes last, though its one score is the best.
    assert [setting.scores for setting in found.ranking] == [
        [accuracy(job) for job in jobs[2:]],
        [accuracy(jobs[0])],
    ]
    best = found.rates["adam"].best
    assert best is not None
    assert (best[0].mean, best[1]) == (fmean(map(accuracy, jobs[2:])), 0.1)
    assert found.is_ranked
    words = "optimizer.lr 0.01, from step 78 on 0.5"
    assert f"not compared, as resumed with other settings: 1 of 4; first job 1: {words}" in lines(found)
    page = write_page(found, [], {}).read_text()
    assert f"Job 1 is not compared: it was resumed with other settings ({words})." in page
    with write_csv(results).open(newline="") as file:
        assert json.loads(list(csv.DictReader(file))[1]["resumed"]) == resumed, "the table has all jobs"
    final = {"for_each": "optimizer", "seeds": [7], "target_share": None}
    manifest = Manifest.read(folder)
    assert manifest is not None
    ((_, settings),) = final_runs(folder, manifest, final)
    assert settings["optimizer.lr"] == 0.1, "of two seeds; the other setting has one left"
    # A sweep that resumes one run in different ways is as planned.
    planned = replace(results.jobs[1], overrides=["ckpt_path=run/checkpoints/last.ckpt", "optimizer.lr=0.5"])
    assert not planned.changes


def test_a_few_far_worse_scores_are_outside_the_shown_range(tmp_path: Path) -> None:
    scores = [0.90, 0.92, 0.94, 0.96, 0.98]

    def shown(values: list[float], monitor: str, name: str) -> tuple[float, float]:
        completed = {"status": "completed", "monitor": monitor, "monitor_mode": OWN[monitor.rpartition("/")[2]]}
        outcomes = {n: {**completed, monitor: value} for n, value in enumerate(values)}
        return shown_range(read_sweep(write_sweep(tmp_path / name, grid(seed=list(range(len(values)))), outcomes)))

    low, high = shown(scores, "val/accuracy", "all")
    assert low < 0.90 < 0.98 < high
    margin = high - 0.98
    low, high = shown([0.1, *scores], "val/accuracy", "bad")
    first, third = np.quantile([0.1, *scores], [0.25, 0.75])
    assert low + (high - 0.98) == pytest.approx(first - 1.5 * (third - first))
    assert margin < high - 0.98 < 2 * margin
    # Of a loss, high values are bad; all low values are shown.
    low, high = shown([*scores, 9.0, 0.1], "val/loss", "loss")
    assert low < 0.1
    assert 0.98 < high < 9.0


def test_a_learning_rate_at_which_all_jobs_diverged_is_marked_and_not_dropped(tmp_path: Path) -> None:
    jobs = grid(optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01, 1.0])
    lines = learning_rates(read_sweep(write_sweep(tmp_path, jobs, {2: DIVERGED})))
    assert lines["sgd"].rates == [0.01, 0.1]
    assert lines["sgd"].diverged == [1.0]
    assert lines["adam"].rates == [0.01, 0.1, 1.0]
    assert lines["adam"].means == [accuracy(jobs[number]) for number in (4, 3, 5)]


def test_optimizers_that_were_typed_as_mappings_have_lines_of_their_own() -> None:
    options: list[Any] = ["sgd", {"_target_": "a.Lion"}, {"_target_": "a.Lion", "decay": 1}]
    typed = [{"optimizer": one, "optimizer.lr": rate} for one in options for rate in (0.1, 0.2)]
    jobs = [job(n, one, metrics={"best/val/accuracy": 0.9}) for n, one in enumerate(typed)]
    assert list(learning_rates(sweep(jobs))) == ["sgd", "a.Lion", "a.Lion {decay:1}"]


def test_the_score_of_a_pair_of_penalties_is_the_best_over_the_other_axes(tmp_path: Path) -> None:
    jobs = grid(optimizer__lr=[0.01, 0.1], regularizer__l1=[0.0, 1e-4], regularizer__l2=[0.0, 1e-3], seed=[0, 1])
    results = read_sweep(write_sweep(tmp_path, jobs))
    heatmap = penalties(results)
    assert heatmap is not None
    assert (heatmap.l1, heatmap.l2) == ([0.0, 1e-4], [0.0, 1e-3])
    for row, l1 in enumerate(heatmap.l1):
        for column, l2 in enumerate(heatmap.l2):
            means = [
                fmean(
                    accuracy(j)
                    for j in jobs
                    if (j["regularizer.l1"], j["regularizer.l2"], j["optimizer.lr"]) == (l1, l2, rate)
                )
                for rate in (0.01, 0.1)
            ]
            assert heatmap.scores[row][column] == pytest.approx(max(means))
    assert penalties(read_sweep(write_sweep(tmp_path / "other", grid(seed=[0, 1])))) is None
    path = penalties(read_sweep(write_sweep(tmp_path / "path", grid(regularizer__l2=[0.01, 0.0]))))
    assert path is not None
    assert (path.l1, path.l2, len(path.scores)) == ([0.0], [0.0, 0.01], 1)
    assert learning_rates(read_sweep(tmp_path / "other")) == {}


def test_no_job_dominates_one_on_the_pareto_front(tmp_path: Path) -> None:
    jobs = grid(optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01, 1.0], seed=[0, 1])
    results = read_sweep(write_sweep(tmp_path, jobs))
    points = [(job.seconds or 0.0, score) for job, score in results.scored()]
    for way in (1, -1):
        brute = [p for p in points if not any(o[0] <= p[0] and way * (o[1] - p[1]) >= 0 and o != p for o in points)]
        assert [points[number] for number in pareto_front(points, way)] == sorted(brute)


def test_the_best_and_the_median_job_are_found(tmp_path: Path) -> None:
    jobs = grid(optimizer__lr=[0.001, 0.01, 0.1, 1.0, 10.0])
    results = read_sweep(write_sweep(tmp_path, jobs))
    ordered = sorted(jobs, key=accuracy, reverse=True)
    assert [(name, setting.jobs[0].settings) for name, setting in best_and_median(ranking(results))] == [
        ("best", ordered[0]),
        ("median", ordered[2]),
    ]


def test_variance_explained_equals_the_analysis_of_variance() -> None:
    settings = grid(a=[1, 2, 3], b=["x", "y"], seed=[0, 1, 2, 3], same=[7])
    scores = list(np.random.default_rng(0).normal([job["a"] + (job["b"] == "x") for job in settings]))
    shares = variance_explained(settings, scores)
    assert set(shares) == {"a", "b", "seed"}
    for axis in shares:
        groups = [
            [s for job, s in zip(settings, scores, strict=True) if job[axis] == v] for v in {j[axis] for j in settings}
        ]
        f = stats.f_oneway(*groups).statistic
        between, within = len(groups) - 1, len(scores) - len(groups)
        assert shares[axis] == pytest.approx(f * between / (f * between + within))
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert "number" not in variance_explained([{**job, "number": n} for n, job in enumerate(settings)], scores)
    assert variance_explained(settings, [0.5] * len(settings)) == {}
    assert variance_explained([], []) == {}


def test_seeds_on_one_fold_are_one_measurement_where_others_have_several_folds() -> None:
    runs = [(0.1, fold, seed) for fold in range(3) for seed in range(2)] + [(0.2, 0, seed) for seed in range(4)]
    config = {"optimizer._target_": "torch.optim.Adam", "regularizer.l1": 0.0, "regularizer.l2": 0.0, "data.folds": 3}
    jobs: list[Job] = []
    for rate, fold, seed in runs:
        score = 0.9 + 0.01 * fold + 0.001 * seed + 0.05 * (rate == 0.2)
        typed = {"optimizer.lr": rate, "data.fold": fold, "seed": seed}
        jobs.append(job(len(jobs), typed, config=config, metrics={"best/val/accuracy": score}))
    found = find(sweep(jobs))
    several, one = found.ranking
    assert (several.unit, one.unit) == ("fold", "fold")
    assert several.scores == pytest.approx([0.9005, 0.9105, 0.9205])
    assert one.scores == pytest.approx([0.9515]), "one fold is too few to be the best"
    assert found.rates["Adam"].band.seeds == [3, 1]
    alone = find(sweep(jobs[6:])).ranking[0]
    assert (alone.unit, len(alone.scores)) == ("seed", 4)


@pytest.mark.parametrize("unit", ["seed", "fold"])
def test_figures_say_what_their_means_are_over(unit: str) -> None:
    key = {"seed": "seed", "fold": "data.fold"}[unit]
    typed = grid(
        regularizer__l1=[0.0, 0.1],
        regularizer__l2=[0.0, 0.1],
        optimizer__lr=[0.1, 0.01],
        **{key.replace(".", "__"): [0, 1, 2]},
    )
    jobs = [
        job(
            n,
            one,
            metrics={"best/val/accuracy": accuracy(one) + 0.01 * one[key], "seconds/fit": 1.0 + n},
            config={"data.folds": 3, "optimizer._target_": "torch.optim.Adam"},
        )
        for n, one in enumerate(typed)
    ]
    found = find(sweep(jobs))
    assert found.unit == unit
    drawn = [drawn_settings.penalties(found), drawn_settings.time(found), drawn_curves.learning_rate(found)]
    words = [text.get_text() for figure in drawn if figure for text in figure.findobj(Text)]
    assert sum(f"{unit}s" in one for one in words) == 3, words
    assert not any("seed" in one and unit != "seed" for one in words)


LONG: dict[str, list[Any]] = {
    "optimizer._target_": ["torch.optim.Adam", "mypackage.optimizers.experimental.ScheduleFreeAdamWWithALongWarmup"],
    "model.hidden": [[7], [512, 512, 256, 256, 128, 128, 64, 64, 32, 32, 16, 16]],
    "init_from": ["b.ckpt", "/home/someone/projects/2026/a_long_study/tables/the_first_version_of_the_model.ckpt"],
}


@pytest.mark.parametrize("size", [None, "column"])
def test_long_labels_of_parallel_coordinates_are_not_cut_by_the_figure(size: str | None) -> None:
    typed = [dict(zip(LONG, values, strict=True)) for values in itertools.product(*LONG.values())]
    config = {"regularizer.l1": 0.0, "regularizer.l2": 0.0}
    jobs = [job(n, one, config=config, metrics={"best/val/accuracy": 0.9 + 0.01 * n}) for n, one in enumerate(typed)]
    found = find(sweep(jobs))
    with figures_as("png", size):
        figure = drawn_settings.coordinates(found)
        assert figure is not None
        figure.draw_without_rendering()
    (left, _), (right, _) = figure.axes[0].transData.transform([(0, 0), (1, 0)])
    labels = [one for one in figure.findobj(Annotation) if one.get_text()]
    assert len(labels) == 8
    for one in labels:
        box = one.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, one.get_text()
        assert box.width < 1.2 * (right - left), one.get_text()
    texts = [one.get_text().replace("\n", "") for one in labels]
    assert texts[:2] == ["ScheduleFreeAdamWWithALongWarmup", "Adam"]
    drawn = plotly_figures.coordinates(found)
    assert drawn is not None
    cut = [one for one in drawn.layout.annotations if "…" in one.text]
    assert len(cut) == 3
    assert max(len(one.text) for one in drawn.layout.annotations) <= plotly_figures.LETTERS / 4
    assert {one.hovertext for one in cut} == {texts[0], str(LONG["model.hidden"][1]), LONG["init_from"][1]}
