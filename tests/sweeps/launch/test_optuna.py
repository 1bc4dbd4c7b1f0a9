"""A search: trials with one seed each, races, fresh seeds, the report; killed, it goes on as it would have."""

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("optuna")

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from gradexp.figures.output import figures_as
from gradexp.sweeps.job_folder import score
from gradexp.sweeps.launch import run_jobs, search
from gradexp.sweeps.report.findings import find
from gradexp.sweeps.report.results import read_sweep
from gradexp.sweeps.report.search_figures import search_figures
from gradexp.sweeps.search.journal import NAME
from tests.command_line import call
from tests.sweeps.small import REPORTED, RESUMED, SMALL, UNREPORTED, finished_sweep, jobs, metrics

pytestmark = pytest.mark.slow

SPACE = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "trainer.max_epochs=int(interval(2,3))")
OPTUNA = ("hydra/sweeper=optuna", "monitor=val/loss")
FEW = ("search.trials=13", "search.seeds=2", "search.race=2", "search.fresh=2", "search.batch=3")
SEARCH = ("hydra/launcher=vectorized", *OPTUNA, *SPACE, *FEW)
EPOCHS = ("trainer.max_epochs=1", "model.hidden=[4]", "hydra.sweep.dir=sweep", "figures=false")


REPORTED_HERE = tuple(one for one in REPORTED if not one.startswith("trainer.max_epochs"))


class Killed(BaseException):
    """The process of the search ends."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed search, with its report."""
    root = tmp_path_factory.mktemp("search")
    return finished_sweep(root, *REPORTED_HERE, *SEARCH)


def trials(folder: Path) -> list[FrozenTrial]:
    """The trials of the journal, as anybody reads them."""
    study = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(folder / NAME))))
    assert [direction.name for direction in study.directions] == ["MINIMIZE"]
    return study.get_trials()


def by_setting(folder: Path, stage: str = "grid") -> dict[str, dict[int, float]]:
    """For each setting its scores by seed, from the files of the jobs."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for job in jobs(folder):
        if job["stage"] == stage:
            setting = {key: value for key, value in job["settings"].items() if key != "seed"}
            value = score(metrics(int(job["folder"]), folder))
            assert value is not None
            found[json.dumps(setting)][job["settings"]["seed"]] = value
    return found


def test_the_best_few_trials_have_all_seeds_and_the_best_of_them_runs_at_fresh_ones(finished: Path) -> None:
    found = by_setting(finished)
    assert [json.loads(setting) for setting in found] == [trial.params for trial in trials(finished)]
    assert len(found) == 13
    assert all(scores.keys() in ({0}, {0, 1}) for scores in found.values())
    whole = {setting: fmean(scores.values()) for setting, scores in found.items() if len(scores) == 2}
    (best, mean), *others = sorted(whole.items(), key=lambda item: item[1])
    assert others
    assert len(whole) < 8, "few are raced"
    assert mean <= others[0][1] <= min(scores[0] for scores in found.values() if len(scores) == 1)
    assert {key: set(scores) for key, scores in by_setting(finished, "final").items()} == {best: {100, 101}}
    tested = ["test/loss" in metrics(int(job["folder"]), finished) for job in jobs(finished)]
    assert tested == [job["stage"] == "final" for job in jobs(finished)], "the search never sees the test part"
    for trial, scores in zip(trials(finished), found.values(), strict=True):
        assert trial.value == pytest.approx(fmean(scores.values())) or len(scores) > 1, "raced in a later round"


def test_trials_that_are_worse_than_the_median_are_cut_short(finished: Path) -> None:
    states = [trial.state.name for trial in trials(finished)]
    assert set(states[:10]) == {"COMPLETE"}, "the first round has no earlier one"
    cut = [number for number, state in enumerate(states) if state == "PRUNED"]
    assert cut
    lines = {json.dumps({k: v for k, v in job["settings"].items() if k != "seed"}): job for job in jobs(finished)[::-1]}
    for number in cut:
        job = lines[json.dumps(trials(finished)[number].params)]
        assert any(line.startswith("early_stopping.thresholds=[") for line in job["overrides"])
        assert metrics(int(job["folder"]), finished)["epochs"] < job["settings"]["trainer.max_epochs"]


def test_the_report_shows_the_search(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    for key in ("search_history", "search_slices", "search_importance"):
        assert f'id="{key}"' in page
    assert "which is optimistic, as it was chosen by this score; at 2 fresh seeds" in page
    assert "No figure of Front: the search has one objective." in page
    assert "early_stopping.thresholds" not in page.partition('id="compare"')[2].partition("</table>")[0]
    table = list(csv.DictReader((finished / "sweep.csv").read_text().splitlines()))
    assert {row["status"] for row in table} == {"completed"}


@pytest.mark.parametrize("launches", [1, 4])
def test_a_killed_search_goes_on_with_the_trials_it_would_have_had(
    launches: int, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, done = run_jobs.run_jobs, []

    def run_some(launcher: Any, folder: Path, given: Sequence[Any], on_failure: str) -> None:
        done.extend([1] if given else [])
        is_last = len(done) == launches and given
        original(launcher, folder, given[: len(given) // 2] if is_last else given, on_failure)
        if is_last:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(search, "run_jobs", run_some)
        with pytest.raises(Killed):
            call(patch, "-m", UNREPORTED, *REPORTED_HERE[1:], *SEARCH)
    assert len(jobs()) < len(jobs(finished))
    assert call(monkeypatch, *RESUMED, "hydra/launcher=vectorized") is None
    assert [(job["settings"], job["overrides"]) for job in jobs()] == [
        (job["settings"], job["overrides"]) for job in jobs(finished)
    ]
    assert [(t.params, t.values, t.state) for t in trials(Path("sweep"))] == [
        (t.params, t.values, t.state) for t in trials(finished)
    ]


def test_a_search_is_extended_and_keeps_what_it_began_with(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(finished, "sweep")
    before = [trial.params for trial in trials(finished)]
    kept = json.loads(Path("sweep/manifest.json").read_text())
    whole = sum(len(scores) == 2 for scores in by_setting(finished).values())
    rate = "optimizer.lr was 0.0001 to 0.1, logarithmic, is"
    for typed, words in {
        "search.sampler=qmc": "search.sampler was tpe, is qmc. More search.trials extend a search",
        "optimizer.lr=interval(1e-4,1e-1)": f"{rate} 0.0001 to 0.1. More",
        "optimizer.lr=0.5": f"{rate} 0.5. More",
        "model.hidden=[4],[8]": "model.hidden was not searched, is [4], [8]. More",
        "data.batch_size=50": "began with; data.batch_size was 100, is 50. More search.trials extend a search;",
        "seed=3": "began with; seed was 0, is 3. More",
        "search.trials=12": "search.trials must be at least 13, which the search has begun already; got 12.",
        "search.race=1": f"search.race must be at least 2, as {whole} trials got all seeds already; got 1.",
        "search.fresh=1": "search.fresh must be at least 2, the seeds at which the best has begun already; got 1.",
    }.items():
        message = str(call(monkeypatch, *RESUMED, "hydra/sweeper=optuna", typed))
        assert words in message, f"{typed}: {message}"
        assert message.count(" was ") == (0 if "at least" in words else 1), "nothing that was not typed is named"
    assert json.loads(Path("sweep/manifest.json").read_text()) == kept
    for damaged in ({}, {"space": kept["search"]["space"]}, kept["search"] | {"space": {"optimizer.lr": {"low": 1}}}):
        Path("sweep/manifest.json").write_text(json.dumps(kept | {"search": damaged}))
        message = str(call(monkeypatch, *RESUMED))
        assert "sweep.resume must be a search whose manifest.json says how it began (KeyError: " in message
    Path("sweep/manifest.json").write_text(json.dumps(kept))
    assert call(monkeypatch, *RESUMED, "hydra/launcher=vectorized", "search.trials=15") is None
    after = [trial.params for trial in trials(Path("sweep"))]
    assert len(after) == 15
    assert after[:13] == before


def test_several_objectives_have_a_front(monkeypatch: pytest.MonkeyPatch) -> None:
    space = ("model.hidden=[2],[4],[8]", "hydra/launcher=vectorized", "hydra/sweeper=optuna")
    asked = ("search.monitors=[val/accuracy,parameters]", "search.trials=9", "search.seeds=2", "search.race=1")
    line = [one for one in SMALL if not one.startswith(("model.hidden", "~"))]
    assert call(monkeypatch, *line, *space, *asked, "search.fresh=0") is None
    manifest = json.loads(Path("sweep/manifest.json").read_text())
    assert manifest["search"]["objectives"] == [
        {"metric": "val/accuracy", "mode": "max"},
        {"metric": "parameters", "mode": "min"},
    ]
    settings = [job["settings"] for job in jobs()]
    assert len({str(one["model.hidden"]) for one in settings}) == 3, "a small space is tried once"
    assert 'id="search_front"' in Path("sweep/report.html").read_text()
    with figures_as("png", "column"):
        found = find(read_sweep(Path("sweep"))).search
        assert found is not None
        drawn = search_figures(found)
    assert {name: figure.get_figwidth() for name, figure in drawn.items()} == {
        f"sweep/search_{name}": pytest.approx(3.3) for name in ("history", "slices", "front")
    }


def test_a_search_in_the_wrong_direction_is_refused_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("hydra/sweeper=optuna", "data=diabetes", SPACE[0], "search.trials=2", *EPOCHS)
    message = call(monkeypatch, "-m", *line)
    reason = "monitor must be val/loss for this data and model, which a search must minimize"
    assert reason in str(message)
    recorded = json.loads(Path("sweep/0/metrics.json").read_text())
    assert recorded["status"] == "failed"
    assert reason in recorded["reason"]


def test_a_search_without_a_score_has_a_report_and_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = ("optimizer=sgd", "optimizer.lr=interval(1e30,1e31)")
    message = call(monkeypatch, "-m", "hydra/sweeper=search", "search.trials=2", *rates, *EPOCHS)
    assert message == "error: no trial has a score at all 3 seeds, so none is the best; see the report."
    table = list(csv.DictReader(Path("sweep/sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in table] == ["diverged", "diverged"]
    assert Path("sweep/report.html").is_file()


def test_a_sweep_that_an_error_ends_has_a_report_of_the_jobs_before(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ("data.batch_size=100,99999", "trainer.max_epochs=1", "hydra.sweep.dir=sweep")
    message = call(monkeypatch, "-m", "hydra/sweeper=basic", *sizes)
    assert str(message).startswith("error: data.batch_size must be at most 1238")
    table = list(csv.DictReader(Path("sweep/sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in table] == ["completed", "failed"]
