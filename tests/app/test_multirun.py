"""A sweep from Python: its result is what the report, sweep.csv and the command line have."""

import csv
import io
import json
import subprocess
import sys
import warnings
from pathlib import Path

import polars as pl
import pytest
from hydra.errors import HydraException
from rich.console import Console

from gradexp import Sweep, load_sweep, run, sweep
from gradexp.app.sweep_bar import SweepBar
from gradexp.reports.curves import curves
from gradexp.sweeps.report.findings import find
from tests.command_line import call

# A job takes 0.2 seconds: 13 steps.
SMALL = ("model.hidden=[4]", "data.batch_size=100", "trainer.max_epochs=1", "trainer.log_every_n_steps=5")
UNREPORTED = "~hydra.callbacks.write_report"  # the report takes longer than the jobs
RATES = ("optimizer.lr=0.01,0.001", "seed=0,1,2")
TOO_LARGE = "data.val_size=9999"  # known when the data is read


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """One sweep that all tests read."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(tmp_path_factory.mktemp("sweep"))
        warnings.simplefilter("error", UserWarning)  # nothing is wrong with it
        return sweep(*SMALL, *RATES)


def test_the_table_is_sweep_csv(found: Sweep) -> None:
    rows = list(csv.reader((found.folder / "sweep.csv").read_text().splitlines()))
    assert found.table.columns == rows[0]
    for row, written in zip(found.table.rows(), rows[1:], strict=True):
        assert ["" if value is None else str(value) for value in row] == written
    kinds = dict(found.table.schema)
    assert [str(kinds[name]) for name in ("optimizer.lr", "seed", "status")] == ["Float64", "Int64", "String"]
    means = found.table.group_by("optimizer.lr").agg(pl.col("best/val/accuracy").mean()).sort("optimizer.lr")
    assert means["best/val/accuracy"][1] == pytest.approx(found.best.mean)


def test_best_is_what_the_report_calls_best(found: Sweep) -> None:
    assert found.best == find(found.results).ranking[0]
    assert (found.best.label, len(found.best.scores)) == ("optimizer.lr=0.01", 3)
    assert len(repr(found.best)) < 200  # as a notebook shows it
    assert "optimizer.lr=0.01" in (found.folder / "report.html").read_text()


def test_compare_gives_what_the_task_writes(
    found: Sweep, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("compare.baseline=optimizer.lr=0.001", "compare.metric=val/loss", "compare.delta=0.1")
    line = ("task=compare", f"compare.folders=[{found.folder}]", *asked, "hydra.run.dir=out")
    assert call(monkeypatch, *line) is None
    verdicts = found.compare(baseline={"optimizer.lr": 0.001}, metric="val/loss", delta=0.1)
    assert str(verdicts).splitlines() == [
        text.rstrip() for text in capsys.readouterr().out.splitlines() if not text.startswith(("written: ", "folder: "))
    ]
    written = json.loads(Path("out/compare.json").read_text())
    assert verdicts.table.rows(named=True) == written["pairs"]
    assert verdicts.settings[verdicts.reference].label == written["reference"] == "optimizer.lr=0.001"


def test_bad_arguments_of_compare_are_refused_as_its_keys_are(found: Sweep) -> None:
    with pytest.raises(ValueError, match=r"compare.baseline must be .*; got 'adam'"):
        found.compare(baseline="adam")
    with pytest.raises(ValueError, match=r"compare.delta must be .*; got -1"):
        found.compare(delta=-1)
    with pytest.raises(ValueError, match=r"compare.folders must be folders of multiruns or of runs; got nowhere"):
        found.compare("nowhere")


def test_curves_are_those_of_each_job(found: Sweep) -> None:
    frame = found.curves("train/loss")
    assert frame.columns == ["job", "optimizer.lr", "seed", "step", "value"]
    for job in found.results.jobs:
        rows = frame.filter(pl.col("job") == job.folder.name)
        steps, values = curves(job.folder, ["train/loss"])["train/loss"]
        assert (rows["step"].to_list(), rows["value"].to_list()) == (steps, values)
        assert rows.select("optimizer.lr", "seed").unique().rows(named=True) == [job.settings]
    with pytest.raises(ValueError, match=r"metric must be a scalar .*val/loss.*; got val/los. Did you mean val/loss"):
        found.curves("val/los")


def test_a_sweep_is_loaded_as_it_was_returned(found: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(found.folder.parent)
    again = load_sweep(found.folder.name)
    assert again.folder == found.folder
    assert again.table.equals(found.table)
    assert repr(again) == f"Sweep({str(found.folder)!r}, 6 completed)"


@pytest.mark.parametrize("name", ["nowhere", ".", "file"])
def test_a_folder_that_holds_no_sweep_is_refused(name: str, own_folder: Path) -> None:
    (own_folder / "file").touch()
    with pytest.raises(ValueError, match=f"folder must be the folder of a multirun.*; got {own_folder}"):
        load_sweep(name)


def test_failed_jobs_are_rows_and_one_warning() -> None:
    with pytest.warns(UserWarning, match=r"^1 of 2 jobs have no result \(1 failed\)\. Job 1: .*data.val_size") as told:
        found = sweep(*SMALL, UNREPORTED, "data.val_size=200,9999", "hydra.sweep.dir=sweep")
    assert [str(one.filename) for one in told] == [__file__], "the caller's line"
    assert "python -m gradexp -m sweep.resume=sweep" in str(told[0].message)
    assert found.table["status"].to_list() == ["completed", "failed"]
    assert "9999" in found.table["reason"][1]
    assert found.best.jobs[0].settings == {"data.val_size": 200}


def test_a_sweep_without_any_result_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"1 of 1 jobs have no result .*data.val_size must") as caught:
        sweep(*SMALL, UNREPORTED, TOO_LARGE, "hydra.sweep.dir=sweep")
    assert "resumed by python -m gradexp" in str(caught.value)
    found = load_sweep("sweep")
    with pytest.raises(ValueError, match="best must be of a sweep whose scores can be ranked; got no job with a score"):
        _ = found.best
    with pytest.raises(ValueError, match="one of none; got val/loss"):
        found.curves("val/loss")


@pytest.mark.parametrize(
    ("override", "kind"),
    [
        ("optimizer.lr=1,-1", ValueError),
        ("optimiser=adam,sgd", HydraException),
        ("optimizer=adam,adan", HydraException),
        ("model.hidden=[4", HydraException),
        (f"seed={'9' * 2000}", ValueError),
        ("hydra.job.chdir=true", ValueError),
        ("sweep.zip=[seed]", ValueError),
        ("sweep.resume=nowhere", ValueError),
    ],
)
def test_a_bad_override_is_the_command_lines_message(
    override: str, kind: type[Exception], own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind) as caught:
        sweep(override)
    message = " ".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert call(monkeypatch, "-m", override) == f"error: {message}"
    assert list(own_folder.iterdir()) == []


def test_what_has_no_result_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sweep.dry_run must be false .*listed by python -m gradexp -m seed=1,2"):
        sweep("seed=1,2", "sweep.dry_run=true")
    with pytest.raises(ValueError, match=r"predictions must be false unless task is one of train, .*; got audit"):
        run("task=audit", predictions=True)


def test_the_bar_counts_the_jobs_that_have_ended(found: Sweep, own_folder: Path) -> None:
    drawn, folders = io.StringIO(), [own_folder]
    with SweepBar(lambda: folders[0], Console(file=drawn, force_terminal=True, width=80), is_drawn=True) as bar:
        bar.refresh()
        assert "jobs" not in drawn.getvalue(), "nothing before there are jobs"
        folders[0] = found.folder
    assert "6/6" in drawn.getvalue()


@pytest.mark.slow
def test_a_script_without_a_main_guard_sweeps_in_processes_and_in_stacks(own_folder: Path) -> None:
    line = ", ".join(map(repr, (*SMALL, UNREPORTED, "optimizer.lr=0.01,0.001", "trainer.accelerator=cpu")))
    Path("script.py").write_text(
        f"""
import random
import gradexp
random.seed(1)
before = random.getstate()
columns = ["optimizer.lr", "best/val/accuracy"]
stacks = gradexp.sweep({line}, "hydra/launcher=vectorized", "hydra.launcher.inner=basic").table[columns]
workers = gradexp.sweep({line}, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2").table[columns]
print(stacks.equals(workers), len(workers), random.getstate() == before)
"""
    )
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False, timeout=300)
    assert (done.stdout, done.stderr) == ("True 2 True\n", "")
