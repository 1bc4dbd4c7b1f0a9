"""The protocol of optimizer benchmarks: validation chooses settings, which are tested once with new seeds."""

import json
import math
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from gradexp.sweeps.launch.grid_sweeper import Grid
from tests.command_line import call
from tests.sweeps.small import REPORTED, RESUMED, SMALL, finished_sweep, jobs, metrics, stamps, table

pytestmark = pytest.mark.slow

BENCHMARK = (*SMALL, "trainer.max_epochs=1", "+sweep=benchmark", "optimizer=sgd,adam")
GRID = (*BENCHMARK, "optimizer.lr=0.001,0.03", "seed=0,1", "sweep.final.seeds=[100,101]")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed benchmark: two optimizers, two learning rates, two seeds, and two final seeds."""
    return finished_sweep(tmp_path_factory.mktemp("benchmark"), *GRID)


@pytest.fixture
def sweep(finished: Path) -> Path:
    """A copy of the completed benchmark that a test may change."""
    shutil.copytree(finished, "sweep")
    return Path("sweep")


def config(number: int | str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(Path("sweep", str(number), ".hydra", "config.yaml").read_text())
    return content


def optimizer_rate_and_seed(number: int | str) -> tuple[str, float, int]:
    optimizer = config(number)["optimizer"]
    return optimizer["_target_"], optimizer["lr"], config(number)["seed"]


def winners() -> dict[str, tuple[float, float]]:
    """Each optimizer's best rate and its mean accuracy, computed from the files of the grid's jobs."""
    scores: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs():
        if job["stage"] == "grid":
            optimizer = config(job["folder"])["optimizer"]
            scores[optimizer["_target_"]][optimizer["lr"]].append(metrics(int(job["folder"]))["val/accuracy"])
    best_rates = {}
    for name, by_rate in scores.items():
        means = {rate: fmean(values) for rate, values in by_rate.items()}
        best = max(means, key=lambda rate: means[rate])
        best_rates[name] = (best, means[best])
    return best_rates


def finals(stage: str = "final") -> list[int]:
    return [int(job["folder"]) for job in jobs() if job["stage"] == stage]


def test_the_final_runs_are_the_winners_at_fresh_seeds(sweep: Path) -> None:
    best = winners()
    assert len(finals("grid")) == 2 * 2 * 2
    runs = Counter(optimizer_rate_and_seed(n) for n in finals())
    assert runs == Counter((name, rate, seed) for name, (rate, _) in best.items() for seed in (100, 101))
    target = max(mean for _, mean in best.values()) * 0.99
    for number in finals():
        assert math.isclose(config(number)["target_score"], target, rel_tol=1e-12)
        assert config(number)["test"] is True
        assert metrics(number)["status"] == "completed"
        assert 0 <= metrics(number)["test/accuracy"] <= 1
    assert {config(n)["seed"] for n in finals()}.isdisjoint(config(n)["seed"] for n in finals("grid"))
    assert Counter(row["status"] for row in table()) == {"completed": 12}


def test_the_grid_never_uses_the_test_part(sweep: Path) -> None:
    for number in finals("grid"):
        assert not [key for key in metrics(number) if key.startswith("test/")]
        assert config(number)["test"] is False
        assert config(number)["target_score"] is None


def test_grid_jobs_have_test_false_whatever_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = ("optimizer.lr=0.001,0.03", "sweep.final.seeds=[100]")
    assert call(monkeypatch, *BENCHMARK, *rates, "optimizer=sgd", "test=true", "target_score=0.1") is None
    assert [config(number)["test"] for number in range(3)] == [False, False, True]
    assert not [key for number in range(2) for key in metrics(number) if key.startswith("test/")]


def test_resuming_a_finished_benchmark_runs_nothing(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: stamps(sweep / str(number)) for number in range(12)}
    kept = jobs()
    assert call(monkeypatch, *RESUMED) is None
    assert {number: stamps(sweep / str(number)) for number in range(12)} == before
    assert jobs() == kept


class Killed(BaseException):
    """Not caught by handlers of Exception, like a kill."""


def test_a_benchmark_killed_before_its_final_runs_can_be_resumed(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Grid, "run_finals", kill)
        with pytest.raises(Killed):
            call(patch, *GRID)
    assert finals() == []
    before = {number: stamps(Path("sweep", str(number))) for number in range(8)}
    assert call(monkeypatch, *RESUMED) is None
    assert {number: stamps(Path("sweep", str(number))) for number in range(8)} == before
    assert [metrics(number) for number in range(12)] == [metrics(number, finished) for number in range(12)]


def test_extending_the_grid_supersedes_outdated_final_runs(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, kept = finals(), winners()
    files = {number: stamps(sweep / str(number)) for number in old}
    more = (*GRID[:-3], "optimizer.lr=0.001,0.03,0.3", *GRID[-2:])
    assert call(monkeypatch, *more, "sweep.resume=sweep") is None
    best = winners()
    assert best != kept, "the new rate must win"
    assert len(finals("grid")) == 12
    runs = Counter(optimizer_rate_and_seed(n) for n in finals())
    assert runs == Counter((name, rate, seed) for name, (rate, _) in best.items() for seed in (100, 101))
    for number in finals("superseded"):
        optimizer = config(number)["optimizer"]
        target = max(mean for _, mean in best.values()) * 0.99
        lost = best[optimizer["_target_"]][0] != optimizer["lr"]
        assert lost or not math.isclose(config(number)["target_score"], target)
    assert {number: stamps(sweep / str(number)) for number in old} == files
    # A superseded run without a result is not a job to do.
    (superseded, *_) = finals("superseded")
    (sweep / str(superseded) / "metrics.json").unlink()
    capsys.readouterr()
    assert call(monkeypatch, *RESUMED) is None
    count = len([job for job in jobs() if job["stage"] != "superseded"])
    assert f"jobs: {count} ({count} done before)" in capsys.readouterr().out


@pytest.mark.parametrize("seeds", ["seed=0,100", "seed=100"])
def test_a_final_seed_in_the_grid_is_refused_before_anything_runs(
    seeds: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = call(monkeypatch, *BENCHMARK, "optimizer.lr=0.03", "optimizer=sgd", seeds)
    assert isinstance(message, str)
    assert "sweep.final.seeds must not be seeds of the grid, which choose the settings; got 100" in message
    assert not (own_folder / "sweep" / "0").exists()


@pytest.mark.parametrize(
    "final",
    [
        "sweep.final.seeds=[]",
        "sweep.final.seeds=[1,1]",
        "sweep.final.seeds=[-1]",
        "sweep.final.seeds=[0.5]",
        "sweep.final.seeds=3",
        "sweep.final.target_share=0",
        "sweep.final.target_share=1.5",
        "sweep.final.for_each=3",
        "+sweep.final.more=1",
        "~sweep.final.seeds",
    ],
)
def test_an_invalid_protocol_is_refused(final: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, *BENCHMARK, final)
    assert isinstance(message, str)
    assert message.startswith("error: sweep.final must be {for_each: KEY, seeds: LIST, target_share: SHARE}")
    assert list(own_folder.iterdir()) == []


def test_final_runs_use_the_settings_that_did_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each optimizer's final run has the setting that works."""
    widths = ("model.hidden=[4],[1000000000000]", "optimizer.lr=0.03", "sweep.final.seeds=[100]")
    message = call(monkeypatch, *BENCHMARK, *widths)
    assert "2 of 6 jobs have no result (2 failed)" in str(message)
    assert [config(number)["model"]["hidden"] for number in finals()] == [[4], [4]]
    assert set(json.loads(Path("sweep/manifest.json").read_text())["axes"]) == {"optimizer", "model.hidden", "seed"}


def test_foreign_classes_have_their_own_rates_and_run_at_default_and_best(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [*REPORTED, "trainer.max_epochs=1", "+sweep=benchmark", "trusted_packages=[gradexp,lion_pytorch]"]
    classes = "optimizer._target_=lion_pytorch.Lion,torch.optim.NAdam"
    assert call(monkeypatch, *line, classes, "sweep.final.seeds=[100,101,102]") is None
    assert Counter(config(n)["optimizer"]["_target_"] for n in finals("grid")) == {
        "lion_pytorch.Lion": 5, "torch.optim.NAdam": 5,
    }  # fmt: skip
    best = winners()
    own = {"lion_pytorch.Lion": 1e-4, "torch.optim.NAdam": 2e-3}
    expected = {(name, rate, seed) for name in own for rate in (best[name][0], own[name]) for seed in (100, 101, 102)}
    assert Counter(map(optimizer_rate_and_seed, finals())) == Counter(expected)
    by_folder = {job["folder"]: job for job in jobs()}
    for number in finals() + finals("grid"):
        name, rate, _ = optimizer_rate_and_seed(number)
        assert by_folder[str(number)]["is_default"] == (rate == own[name])
    # What a formula keeps: one moment of Lion, two of NAdam and two counters a tensor.
    for number in finals():
        found = metrics(number)
        name = config(number)["optimizer"]["_target_"]
        expected_bytes = found["parameters"] * (4 if name.startswith("lion") else 8)
        assert 0 <= found["bytes/optimizer_state"] - expected_bytes <= (0 if name.startswith("lion") else 4 * 8)
    out = capsys.readouterr().out
    assert out.count("at fresh seeds: ") == len({(name, rate) for name, rate, _ in expected})
    assert "(default): test" in out or "(tuned, default): test" in out
    assert "state of 4 bytes a parameter" in out
    page = Path("sweep/report.html").read_text()
    assert '<th scope="col">rate</th><th scope="col">rank</th>' in page
    # The manifest alone continues it.
    before = [(job["folder"], job["stage"], job["settings"], job["is_default"]) for job in jobs()]
    assert call(monkeypatch, *RESUMED, "trusted_packages=[gradexp,lion_pytorch]") is None
    assert [(job["folder"], job["stage"], job["settings"], job["is_default"]) for job in jobs()] == before
