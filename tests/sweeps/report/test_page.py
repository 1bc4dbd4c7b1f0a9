"""The page of a sweep: captions that tell what is there, columns that vary, axes that end, where the jobs ran."""

import html
import json
import re
from pathlib import Path

import pytest

from gradexp.sweeps.report import captions
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.job_curves import MOST_POINTS, job_curves, thinned
from gradexp.sweeps.report.page import write_page
from gradexp.sweeps.report.page_parts import foot
from gradexp.sweeps.report.panels import PANELS
from gradexp.sweeps.report.ranking import ranking
from gradexp.sweeps.report.results import read_sweep
from tests.sweeps.folders import grid, write_curve, write_sweep
from tests.sweeps.report.parsed_page import page, text

WHERE = {"machine": "a machine", "versions": "gradexp 1, torch 2", "git_revision": "abc with uncommitted changes"}
DIVERGED: dict[str, object] = {
    "status": "diverged",
    "reason": "at step 3",
    "monitor": "val/accuracy",
    "monitor_mode": "max",
    **WHERE,
}


def scored(value: float, **more: object) -> dict[str, object]:
    return {"status": "completed", "monitor": "val/accuracy", "monitor_mode": "max", "val/accuracy": value,
            "seconds/fit": 1.0, "epochs": 3, **WHERE, **more}  # fmt: skip


def test_captions_tell_only_of_what_is_there(tmp_path: Path) -> None:
    jobs = grid(optimizer__lr=[0.001, 0.01, 0.1, 1.0])
    plain = find(read_sweep(write_sweep(tmp_path / "plain", jobs[:3])))
    for panel in PANELS:
        said = panel.caption(plain)
        for word in ("diverged", "outside", "seeds", "band", "interactions", "dotted", "numbered", "range"):
            assert word not in said, (panel.key, said)
    more = grid(optimizer=["sgd", "adam"], optimizer__lr=[0.001, 0.01, 0.1, 1.0], seed=[0, 1, 2])
    outcomes = {n: scored(0.8 + 0.01 * (n % 7)) for n in range(24)}
    outcomes |= {23: DIVERGED, 3: scored(0.2), 4: scored(0.2), 5: scored(0.2)}
    folder = write_sweep(tmp_path / "more", more, outcomes)
    for number in range(23):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
        write_curve(folder / str(number), "train/loss", [2.0, 1.0])
    findings = find(read_sweep(folder))
    assert "A cross at the edge marks a rate at which a job diverged. 1 far worse score is" in captions.learning_rate(
        findings
    )
    assert "the mean over its seeds, with a band to choose" in captions.learning_rate(findings)
    assert "dotted: the training loss" in captions.curves(findings)
    assert "numbered as in the table" in captions.curves(findings)
    assert "Diverged jobs have no score here." in captions.importance(findings)
    assert "between the seeds of one setting (noise)" in captions.importance(findings)
    assert captions.time(findings).startswith("One point per setting, means over its seeds.")


def test_where_folds_repeat_a_setting_the_page_speaks_of_folds(tmp_path: Path) -> None:
    jobs = grid(optimizer__lr=[0.01, 0.1], data__folds=[3], data__fold=[0, 1, 2])
    folder = write_sweep(tmp_path, jobs, {n: scored(0.9 + 0.01 * n) for n in range(6)})
    for number in range(6):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
    write_page(find(read_sweep(folder)), [], {})
    said = text(folder)
    assert "Better than the noise of folds?" in said
    assert "± over folds" in said
    assert "one fold of the best setting" in said
    figures = page(folder).data["figure-data"]
    assert "over 3 folds" in figures
    assert "means over folds" in figures
    for words in (said, figures):
        assert not re.search("over (the )?seeds|3 seeds", words)


def test_columns_that_never_vary_are_left_out_and_told_below(tmp_path: Path) -> None:
    jobs = grid(optimizer__lr=[0.01, 0.1], model__dropout=[0.5])
    folder = write_sweep(tmp_path, jobs, {n: scored(0.9 + 0.01 * n, **{"test/loss": 0.5}) for n in range(2)})
    write_page(find(read_sweep(folder)), [], {})
    table = json.loads(page(folder).data["table-data"])
    assert table["columns"] == ["job", "status", "optimizer.lr", "val/accuracy"]
    assert table["rows"] == [[0, "completed", 0.01, 0.9], [1, "completed", 0.1, 0.91]]
    assert "Equal in all jobs: model.dropout 0.5, seconds/fit 1, test/loss 0.5, epochs 3." in text(folder)
    assert "± over" not in text(folder), "nor is a column of nothing in the table of the best"
    alone = write_sweep(tmp_path / "alone", grid(optimizer__lr=[0.1]), {0: scored(0.9)})
    write_page(find(read_sweep(alone)), [], {})
    assert "epochs" in json.loads(page(alone).data["table-data"])["columns"], "of one job all are shown"


def test_the_head_of_a_root_mean_squared_error_names_the_target(tmp_path: Path) -> None:
    for names, std, head in (
        (("price", "price"), 1.0, "best/val/rmse [price]"),
        (("price", "rent"), 1.0, "best/val/rmse"),
        (("price", "price"), 5.0, "best/val/rmse"),  # a user's metric, of standardised targets
    ):
        outcomes = {
            n: scored(0.9 + n / 100, **{"best/val/rmse": 2.0 + n, "best/val/mse": (2.0 + n) ** 2, "target_name": name})
            | {"target_std": std}
            for n, name in enumerate(names)
        }
        folder = write_sweep(tmp_path / f"{names[1]} {std}", grid(optimizer__lr=[0.01, 0.1]), outcomes)
        write_page(find(read_sweep(folder)), [], {})
        table = json.loads(page(folder).data["table-data"])
        assert table["columns"] == ["job", "status", "optimizer.lr", "val/accuracy", head, "best/val/mse"]
        assert table["rows"][0][-2:] == [2.0, 4.0]


def test_the_command_that_settles_a_comparison_has_a_box_of_its_own(tmp_path: Path) -> None:
    outcomes = {n: scored(score) for n, score in enumerate((0.90, 0.92, 0.91, 0.91, 0.90, 0.93))}
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1], seed=[0, 1, 2]), outcomes)
    content = write_page(find(read_sweep(folder)), [], {}).read_text()
    box = re.search(r"<p>([^<]*)</p>\s*<pre><code>([^<]*)</code></pre>", content)
    assert box is not None
    assert box[1] == "settle it at fresh seeds, and compare these alone:"
    assert html.unescape(box[2]).startswith("python -m gradexp -m optimizer.lr=0.1,0.01 'seed=range(100,1")
    assert content.count("compare these alone") == 1


@pytest.mark.parametrize(("metric", "ends"), [("val/accuracy", 1.0), ("val/r2", 1.0), ("val/loss", None)])
def test_the_axis_of_an_accuracy_ends_at_1(metric: str, ends: float | None, tmp_path: Path) -> None:
    made = {"monitor": metric, metric: 0.9}
    outcomes = {n: scored(0.9, **made | {metric: 0.9 + 0.05 * n}) for n in range(3)}
    findings = find(read_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1, 1.0]), outcomes)))
    figure = PANELS[0].draw(findings)
    assert figure is not None
    assert (figure.layout.yaxis.range[1] == 1.0) == (ends == 1.0)
    assert figure.layout.yaxis.range[1] >= 1.0


def test_the_curves_of_any_job_can_be_chosen_also_of_one_that_diverged(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(optimizer__lr=[0.01, 0.1, 1.0]), {1: DIVERGED, 2: {}})
    write_curve(folder / "0", "val/accuracy", [0.25, 0.5])
    write_curve(folder / "1", "train/loss", [2.0, 1.0])
    write_page(find(read_sweep(folder)), [], {})
    found = json.loads(page(folder).data["table-data"])["curves"]
    assert found["jobs"] == {
        "0": {"label": "optimizer.lr=0.01", "curves": {"val/accuracy": [[0, 1], [0.25, 0.5]]}},
        "1": {"label": "optimizer.lr=0.1", "curves": {"train/loss": [[0, 1], [2.0, 1.0]]}},
    }
    assert "There are curves of 2 of 3 jobs." in text(folder)


def test_of_many_jobs_those_of_the_best_settings_have_curves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    results = read_sweep(write_sweep(tmp_path, grid(optimizer__lr=[0.1, 0.01, 0.001])))
    monkeypatch.setattr("gradexp.sweeps.report.job_curves.MOST", 2)
    found = job_curves(results, ranking(results), lambda job: {"val/accuracy": ([0], [float(job.folder.name)])})
    assert list(found) == ["1", "0"]  # of Adam, whose best rate is 0.01
    steps, values = thinned((list(range(1000)), [1 / 3] * 1000))
    assert (len(steps), steps[0], steps[-1], values[0]) == (MOST_POINTS, 0, 999, 0.33333)


def test_the_foot_names_dates_machines_versions_and_revisions(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, grid(seed=[0, 1, 2]), {0: scored(0.9), 1: scored(0.8, machine="other"), 2: {}})
    write_page(find(read_sweep(folder)), [], {})
    said = text(folder)
    assert "a machine; other" in said
    assert "gradexp 1, torch 2" in said
    assert "abc with uncommitted changes" in said
    rows = dict(foot([]))
    assert rows["Date"] == "not ended"
    assert rows["Git revision"] == "not recorded"
    assert "torch" in rows["This page"]
