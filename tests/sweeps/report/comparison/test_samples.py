"""Two settings on a common test set."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from gradexp.files import write_json
from gradexp.reports.correct_samples import NAME
from gradexp.sweeps.report.comparison.compare import compare
from gradexp.sweeps.report.comparison.figure import of_findings
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import RunSetting, settings_of
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.page import write_page
from gradexp.sweeps.report.results import Job, read_sweep
from gradexp.sweeps.report.terminal import print_findings
from tests.sweeps.folders import grid, write_sweep
from tests.sweeps.report.comparison.jobs import job

TEST, VAL = Metric("test/accuracy", 1), Metric("best/val/accuracy", 1)
SAMPLES = 400


def made_tests(
    folder: Path, seeds: int, test_sets: tuple[str, str] = ("x", "x")
) -> tuple[list[RunSetting], NDArray[np.bool_]]:
    """Two settings, and what their runs had right [settings, seeds, samples]."""
    right = np.random.default_rng(0).uniform(size=(2, seeds, SAMPLES)) < np.array([0.9, 0.8])[:, None, None]
    jobs: list[Job] = []
    for place in np.ndindex(2, seeds):
        row = right[place]
        metrics = {"test/accuracy": float(np.float32(row.mean())), "best/val/accuracy": 0.5, "samples/test": SAMPLES}
        made = job(len(jobs), {"model.init": "ab"[place[0]], "seed": place[1]}, str(folder), metrics=metrics)
        made.folder.mkdir(parents=True)
        bits = base64.b64encode(np.packbits(row).tobytes()).decode()
        content = {"test_set": test_sets[place[0]], "samples": SAMPLES, "right": bits}
        (made.folder / NAME).write_text(json.dumps(content))
        jobs.append(made)
    return settings_of(jobs), right


def test_the_test_sets_part_is_added_to_that_of_the_seeds(tmp_path: Path) -> None:
    settings, right = made_tests(tmp_path, 5)
    found = compare(settings, TEST)
    (pair,) = found.pairs
    of_seeds = right.mean(axis=2).var(axis=1, ddof=1).sum() / 5
    of_samples = (right[0].mean(axis=0) - right[1].mean(axis=0)).var() / SAMPLES
    assert found.has_test_part
    assert pair.low is not None
    assert pair.high is not None
    df = stats.ttest_ind(*right.mean(axis=2), equal_var=False).df * ((of_seeds + of_samples) / of_seeds) ** 2
    reach = stats.t.isf(0.025, df) * np.sqrt(of_seeds + of_samples)
    assert (pair.high - pair.low) / 2 == pytest.approx(reach, rel=1e-4)
    for path in tmp_path.rglob(NAME):
        path.unlink()
    without = compare(settings_of([one for setting in settings for one in setting.jobs.values()]), TEST)
    assert without.has_test_part is False
    assert without.pairs[0].low is not None
    assert without.pairs[0].low > pair.low


@pytest.mark.parametrize("metric", [TEST, VAL])
def test_one_run_a_side_is_a_difference_of_two_models_alone(metric: Metric, tmp_path: Path) -> None:
    settings, right = made_tests(tmp_path, 1)
    found = compare(settings, metric)
    (one,) = found.sampled
    first, second = right[:, 0]
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    assert abs(one.difference) == pytest.approx((b - c) / SAMPLES)
    assert one.reach == pytest.approx(1.959964 * np.sqrt(b + c - (b - c) ** 2 / SAMPLES) / SAMPLES)
    assert found.pairs[0].verdict is None


def test_other_test_sets_are_not_compared_sample_by_sample(tmp_path: Path) -> None:
    settings, _ = made_tests(tmp_path, 1, ("x", "y"))
    assert compare(settings, TEST).sampled == []
    assert compare(settings, TEST).has_test_part is False


def test_a_record_of_another_test_than_the_accuracys_is_not_used(tmp_path: Path) -> None:
    settings, _ = made_tests(tmp_path, 1)
    for one in settings[0].jobs.values():
        one.metrics["test/accuracy"] += 1 / SAMPLES
    assert compare(settings, TEST).sampled == []


def test_a_damaged_record_gives_one_message(tmp_path: Path) -> None:
    settings, _ = made_tests(tmp_path, 1)
    (tmp_path / "0" / NAME).write_text("{")
    with pytest.raises(ValueError, match=f"{NAME} must be the record"):
        compare(settings, TEST)


def test_a_report_says_of_one_seed_a_side_that_two_models_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the terminal and on the page, with the command that adds seeds, and without a table or figure of its own."""
    for one in read_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1]))).jobs:
        right = np.arange(SAMPLES) < one.metrics["test/accuracy"] * SAMPLES
        write_json(one.folder / "metrics.json", one.metrics | {"test/accuracy": float(right.mean())})
        bits = base64.b64encode(np.packbits(right).tobytes()).decode()
        write_json(one.folder / NAME, {"test_set": "x", "samples": SAMPLES, "right": bits})
    findings = find(read_sweep(tmp_path))
    print_findings(findings, (), Console(width=80))
    said = capsys.readouterr().out
    line = "with one run each, these two models differ by"
    assert line in said
    assert "no verdict: from three seeds on a difference is judged" in said
    assert said.count("± over seeds") == 1  # in the ranking's table alone
    assert of_findings(findings) is None
    page = write_page(findings, (), {}, ()).read_text()
    assert line in page
    assert 'id="compare"' not in page
