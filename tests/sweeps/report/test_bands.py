"""Means and bands over seeds, held against NumPy and SciPy; learning curves; what TensorBoard gets of them."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

from gradexp.engine.event_writer import EventWriter
from gradexp.sweeps.report.band_scalars import remove_bands, write_bands
from gradexp.sweeps.report.bands import EXTREMES, INTERVAL, SPREAD, band
from gradexp.sweeps.report.dashboard import SUFFIX
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.learning_curves import MOST_POINTS, mean_curve
from gradexp.sweeps.report.plotly_bands import EVERY_JOB, curves, learning_rate, outlines, penalties
from gradexp.sweeps.report.results import read_sweep
from gradexp.sweeps.report.write_report import write_report
from tests.sweeps.folders import accuracy, grid, write_curve, write_sweep

DIVERGED = {"status": "diverged", "reason": "at step 3", "monitor": "val/accuracy", "monitor_mode": "max"}


def test_bands_are_those_of_numpy_and_scipy_at_points_with_any_number_of_seeds() -> None:
    points = [[0.9, 0.94, 0.95, 0.97], [0.5, 0.7, 0.6], [0.2, 0.4], [0.1], []]
    found = band(points)
    assert found.seeds == [4, 3, 2, 1, 0]
    assert found.jobs == points
    assert found.mean[:4] == pytest.approx([np.mean(scores) for scores in points[:4]])
    assert found.mean[4] is None
    assert found.spread[:3] == pytest.approx([np.std(scores, ddof=1) for scores in points[:3]])
    assert found.spread[3:] == [None, None], "one seed has no spread, not one of zero"
    lows, highs = found.edges[INTERVAL]
    for scores, low, high in zip(points[:2], lows, highs, strict=False):
        assert (low, high) == pytest.approx(
            stats.t.interval(0.95, len(scores) - 1, loc=np.mean(scores), scale=stats.sem(scores))
        )
    assert lows[2:] == highs[2:] == [None] * 3
    assert found.edges[EXTREMES][0][:4] == [min(scores) for scores in points[:4]]
    assert found.edges[EXTREMES][1][:4] == [max(scores) for scores in points[:4]]
    assert list(band([[0.1, 0.2], [0.3]]).edges) == [SPREAD, EXTREMES]
    assert band([[0.1], [0.3]]).edges == {}
    assert band([]).edges == {}


def test_the_outline_of_a_band_leaves_out_points_without_it() -> None:
    found = band([[1.0, 3.0], [2.0], [4.0, 6.0], [5.0, 9.0]])
    xs, ys = outlines([10.0, 20.0, 30.0, 40.0], found)[SPREAD]
    half = np.sqrt(2.0)
    assert xs == [10, 10, None, 30, 40, 40, 30, None]
    expected = [2 + half, 2 - half, None, 5 + half, 7 + 2 * half, 7 - 2 * half, 5 - half, None]
    assert [y for y in ys if y is not None] == pytest.approx([y for y in expected if y is not None])


def test_a_mean_curve_ends_where_fewer_than_half_of_the_seeds_train() -> None:
    jobs = {
        "a": ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]),
        "b": ([1, 3], [3.0, 5.0]),  # logs every other step: 4 at step 2
        "c": ([1, 2], [2.0, float("nan")]),
        "d": ([1], [6.0]),
    }
    found = mean_curve(jobs)
    assert found.steps == [1, 2, 3]
    assert found.band.seeds == [4, 2, 2]
    assert found.band.mean == [3.0, 3.0, 4.0]
    assert found.jobs is jobs
    many = mean_curve({"a": (list(range(5000)), list(map(float, range(5000))))})
    assert (len(many.steps), many.steps[0], many.steps[-1]) == (MOST_POINTS, 0, 4999)
    assert many.band.mean == many.steps


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_and_the_page_have_the_bands_of_settings_with_several_seeds(tmp_path: Path) -> None:
    jobs = grid(optimizer=["adam"], optimizer__lr=[0.001, 0.01, 0.1, 1.0], regularizer__l2=[0.0, 0.01], seed=[0, 1, 2])
    folder = write_sweep(tmp_path, jobs, {23: DIVERGED})
    values = {n: [0.1, 0.4 + 0.01 * n, accuracy(job)] for n, job in enumerate(jobs)}
    for number, curve in values.items():
        write_curve(folder / str(number), "val/accuracy", curve)
    write_report(folder, Console(quiet=True))
    runs = sorted(path.name for path in (folder / "tensorboard").iterdir() if path.is_dir())
    assert len(runs) == 8
    assert (runs[0], runs[1]) == ("best_adam_lr-0.01_l2-0.0", "median_adam_lr-0.001_l2-0.01"), "as the jobs are"
    found = logged(folder / "tensorboard" / runs[0])
    of_best = np.array([values[number] for number in (6, 7, 8)])
    start = "sweep/bands/val/accuracy"
    reach = stats.t.isf(0.025, 2) * of_best.std(axis=0, ddof=1) / np.sqrt(3)
    expected = {
        "mean": of_best.mean(axis=0),
        "std._deviation/lower": of_best.mean(axis=0) - of_best.std(axis=0, ddof=1),
        "std._deviation/upper": of_best.mean(axis=0) + of_best.std(axis=0, ddof=1),
        "95_interval/lower": of_best.mean(axis=0) - reach,
        "95_interval/upper": of_best.mean(axis=0) + reach,
        "min_to_max/lower": of_best.min(axis=0),
        "min_to_max/upper": of_best.max(axis=0),
    }
    assert found.keys() == {f"{start}/{name}" for name in expected}
    for name, line in expected.items():
        assert [step for step, _ in found[f"{start}/{name}"]] == [0, 1, 2]
        assert [value for _, value in found[f"{start}/{name}"]] == pytest.approx(list(line), abs=1e-6)
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    (config,) = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(config.tensor_proto.string_val[0])
    (category,) = layout.category
    assert [chart.title for chart in category.chart] == [SPREAD, INTERVAL, EXTREMES]
    tags = {getattr(chart.margin.series[0], part) for chart in category.chart for part in ("value", "lower", "upper")}
    assert tags == found.keys(), "every chart shows what is logged"

    (folder / "tensorboard" / runs[0] / "of_the_user").touch()
    remove_bands(folder / "tensorboard", SUFFIX)
    left = [str(path.relative_to(folder / "tensorboard")) for path in folder.glob("tensorboard/*/*")]
    assert left == [f"{runs[0]}/of_the_user"], "a report that is written again replaces its own files alone"

    findings = find(read_sweep(folder))
    for draw, means in ((learning_rate, 1), (curves, 8)):
        figure = draw(findings)
        assert figure is not None
        (menu,) = figure.layout.updatemenus
        assert [button.label for button in menu.buttons] == [SPREAD, INTERVAL, EXTREMES, EVERY_JOB]
        for button in menu.buttons:
            change, traces = button.args
            assert len(traces) == len(change["x"]) == len(change["y"]) == 2 * means
            # Of a band and the jobs of a line one is shown.
            pairs = zip(change["y"][::2], change["y"][1::2], strict=True)
            shown = [(bool(of_band), bool(of_jobs)) for of_band, of_jobs in pairs]
            assert shown[0] == (button.label != EVERY_JOB, button.label == EVERY_JOB)
            assert (True, True) not in shown
    figure = learning_rate(findings)
    line = findings.rates["adam"]
    assert line.band.seeds == [3, 3, 3, 3]
    assert line.means == pytest.approx([np.mean([accuracy(jobs[6 * n + k]) for k in range(3)]) for n in range(4)])
    pairs_of_both = grid(regularizer__l1=[0.0, 1e-4], regularizer__l2=[0.0, 0.01], seed=[0, 1, 2])
    figure = penalties(find(read_sweep(write_sweep(tmp_path / "map", pairs_of_both))))
    assert figure is not None
    texts = figure.layout.updatemenus[0].buttons[3].args[0]["texttemplate"][0]
    assert texts[0] == "<br>".join(f"{accuracy(one):.4g}" for one in pairs_of_both[:3])


def test_a_sweep_of_one_seed_has_no_bands_and_no_buttons(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.001, 0.01, 0.1], regularizer__l2=[0.0, 0.01]))
    for number in range(6):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
    findings = find(read_sweep(folder))
    with EventWriter(str(folder / "tensorboard")) as writer:
        write_bands(findings.curves, folder / "tensorboard", writer, SUFFIX)
    assert not [path for path in (folder / "tensorboard").iterdir() if path.is_dir()]
    assert "custom_scalars__config__" not in EventAccumulator(str(folder / "tensorboard")).Reload().Tags()["tensors"]
    assert list(findings.curves.settings) == ["best", "median"]
    both = find(
        read_sweep(write_sweep(tmp_path / "map", grid(regularizer__l1=[0.0, 1e-4], regularizer__l2=[0.0, 0.01])))
    )
    for draw, of, traces in ((learning_rate, findings, 1), (curves, findings, 2), (penalties, both, 1)):
        figure = draw(of)
        assert figure is not None
        assert (len(figure.data), figure.layout.updatemenus) == (traces, ())


def test_curves_of_folds_are_averaged_over_seeds_first_and_their_interval_counts_what_they_share() -> None:
    jobs = {f"job {n}": ([0], [value]) for n, value in enumerate((0.1, 0.3, 0.4, 0.6, 0.9))}
    found = mean_curve(jobs, [0, 0, 1, 1, 2], shared=0.5).band
    assert found.mean == pytest.approx([np.mean([0.2, 0.5, 0.9])])
    reach = stats.t.isf(0.025, 2) * np.std([0.2, 0.5, 0.9], ddof=1) * np.sqrt(1 / 3 + 1 / 2)
    lows, highs = found.edges[INTERVAL]
    assert (lows[0], highs[0]) == pytest.approx((np.mean([0.2, 0.5, 0.9]) - reach, np.mean([0.2, 0.5, 0.9]) + reach))
