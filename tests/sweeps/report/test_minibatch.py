"""The comparison of full batch, mini-batches and single samples: one command, three jobs, one figure."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from gradexp import run
from tests.callbacks.drawing import drawn, record, shown
from tests.command_line import call

pytestmark = pytest.mark.slow

LABELS = ["full batch", "batches of 32", "batches of 1"]


def test_one_command_runs_three_jobs_and_compares_their_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = record(monkeypatch, quick=False)
    assert call(monkeypatch, "+experiment=minibatch", "trainer.max_epochs=2") is None
    (sweep,) = Path("outputs/sweeps/minibatch").iterdir()
    jobs = [json.loads((sweep / str(number) / "metrics.json").read_text()) for number in range(3)]
    assert [job["status"] for job in jobs] == ["completed"] * 3
    assert [job["steps"] for job in jobs] == [2 * 1, 2 * 9, 2 * 283]

    (comparison,) = calls["cost_comparison"]
    assert list(comparison["by_epoch"]) == list(comparison["by_second"])
    for number, (label, words) in enumerate(zip(comparison["by_epoch"], LABELS, strict=True)):
        assert words in label
        rows = list(csv.DictReader((sweep / str(number) / "cost_curve.csv").read_text().splitlines()))
        costs = [float(row["cost"]) for row in rows]
        epochs, by_epoch = comparison["by_epoch"][label]
        seconds, by_second = comparison["by_second"][label]
        assert list(by_epoch) == list(by_second) == costs
        assert list(epochs) == [0, 1, 2]
        assert list(seconds) == [float(row["seconds"]) for row in rows]
    first = [curve[1][0] for curve in comparison["by_epoch"].values()]
    assert len(set(first)) == 1, "all start with the same weights"

    assert "cost_comparison" in drawn(sweep)
    np.testing.assert_array_equal(drawn(sweep)["cost_comparison"], shown(sweep)["cost_comparison"])
    printed = capsys.readouterr().out.replace(f"figure: {sweep}", f"figure: {sweep.absolute()}")
    assert f"figure: {sweep.absolute()}/figures/cost_comparison.png" in printed


def test_the_labels_name_only_the_settings_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    assert call(monkeypatch, "+experiment=minibatch", "trainer.max_epochs=1", "data.batch_size=null,64") is None
    (comparison,) = calls["cost_comparison"]
    assert list(comparison["by_epoch"]) == ["full batch", "batches of 64"]


def test_a_multirun_without_cost_curves_has_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch)
    short = ("+experiment=minibatch", "trainer.max_epochs=1", "data.batch_size=64,128", "~callbacks.cost_curve")
    assert call(monkeypatch, *short) is None
    assert not calls["cost_comparison"]


def test_from_python_the_experiment_is_one_job() -> None:
    result = run("+experiment=minibatch", "trainer.max_epochs=1", "data.batch_size=32")
    assert result.metrics["steps"] == 9
