"""Optuna as sweeper: it optimizes the monitor in the right direction."""

import csv
import json
from pathlib import Path

import pytest

from tests.command_line import call

RATES = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Optuna 2 emits warnings


@pytest.mark.parametrize(("monitor", "direction"), [("val/accuracy", "MAXIMIZE"), ("val/loss", "MINIMIZE")])
def test_a_search_writes_the_table_and_the_report_of_a_sweep(
    monitor: str, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna  # imported under the filter above

    settings = ("-m", "hydra/sweeper=search", "hydra.sweeper.n_trials=4", RATES, f"monitor={monitor}")
    study = "hydra.sweeper.storage=sqlite:///study.db"
    assert call(monkeypatch, *settings, study, "trainer.max_epochs=1", "hydra.sweep.dir=search") is None
    table = list(csv.DictReader(Path("search/sweep.csv").read_text().splitlines()))
    (summary,) = optuna.study.get_all_study_summaries(storage="sqlite:///study.db")
    assert summary.direction.name == direction
    trials = optuna.load_study(study_name=summary.study_name, storage="sqlite:///study.db").trials
    assert [float(row["optimizer.lr"]) for row in table] == [trial.params["optimizer.lr"] for trial in trials]
    assert [float(row[monitor]) for row in table] == [trial.value for trial in trials]
    assert Path("search/report.html").is_file()


def test_a_search_in_the_wrong_direction_is_refused_before_the_first_step(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = (RATES, "hydra.sweeper.n_trials=1", "hydra.sweep.dir=sweep")
    call(monkeypatch, "-m", "hydra/sweeper=search", "data=diabetes", *space, "trainer.max_epochs=1", "figures=false")
    recorded = json.loads(Path("sweep/0/metrics.json").read_text())
    assert recorded["status"] == "failed"
    assert "monitor must be val/loss for this data and model, which a search must minimize" in recorded["reason"]


def test_a_search_without_a_score_has_a_report_and_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = ("optimizer=sgd", "optimizer.lr=interval(1e30,1e31)", "model.hidden=[3]", "trainer.max_epochs=1")
    place = ("-m", "hydra/sweeper=search", "hydra.sweeper.n_trials=2", "hydra.sweep.dir=search")
    message = call(monkeypatch, *place, *rates)
    assert str(message).startswith("error: no job of the sweep completed (2 diverged). No trials are completed yet.")
    table = list(csv.DictReader(Path("search/sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in table] == ["diverged", "diverged"]
    assert Path("search/report.html").is_file()


def test_a_sweep_that_an_error_ends_has_a_report_of_the_jobs_before(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ("data.batch_size=100,99999", "trainer.max_epochs=1", "hydra.sweep.dir=sweep")
    message = call(monkeypatch, "-m", "hydra/sweeper=basic", *sizes)
    assert str(message).startswith("error: data.batch_size must be at most 1238")
    table = list(csv.DictReader(Path("sweep/sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in table] == ["completed", "failed"]
