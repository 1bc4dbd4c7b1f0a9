"""Optuna as sweeper: it looks for the best monitor, in the direction that is better."""

import csv
from pathlib import Path

import pytest

from tests.command_line import call

RATES = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
pytestmark = pytest.mark.filterwarnings("default")  # Optuna 2's own


@pytest.mark.parametrize(("monitor", "direction"), [("val/accuracy", "MAXIMIZE"), ("val/loss", "MINIMIZE")])
def test_a_search_is_a_sweep_with_the_same_report(
    monitor: str, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna  # under the filter above

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
