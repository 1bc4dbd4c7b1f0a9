"""task=compare: whole commands, mostly on sweeps that were written without training."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from gradexp import run
from gradexp.app.quoting import with_readable_baseline
from gradexp.configuration.key_rules import baseline
from gradexp.reports.correct_samples import read_correct
from gradexp.sweeps.report.write_report import write_report
from tests.command_line import call
from tests.sweeps.folders import grid, write_sweep
from tests.sweeps.small import SMALL, finished_sweep


def noisy(folder: Path, seeds: int, **axes: list[Any]) -> Path:
    """A sweep whose settings differ by 0.01 and more, and whose seeds by 0.001."""
    jobs = grid(**axes, seed=list(range(seeds)))
    write_sweep(folder, jobs)
    rng = np.random.default_rng(0)
    for path in folder.glob("*/metrics.json"):
        content = json.loads(path.read_text())
        score = content["val/accuracy"] + 0.001 * rng.normal()
        path.write_text(json.dumps(content | {"best/val/accuracy": score, "test/accuracy": score - 0.01}))
    return folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "sweep"
    return noisy(folder, 5, optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01])


def result(root: Path = Path()) -> dict[str, Any]:
    (path,) = root.glob("outputs/compare/*/compare.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_the_command_prints_the_verdicts_and_writes_its_files(
    sweep: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in sweep.rglob("*")}
    assert call(monkeypatch, "task=compare", f"compare.folders=[{sweep}]") is None
    out = capsys.readouterr().out
    (folder,) = (own_folder / "outputs" / "compare").iterdir()
    assert out.splitlines()[0] == "4 settings by best/val/accuracy, higher is better"
    assert "optimizer=sgd optimizer.lr=0.1" in out
    assert "was chosen as the best by these very numbers: so all 6 pairs are tested" in out
    assert out.rstrip().endswith(f"folder: {folder}")
    assert {path.name for path in folder.iterdir()} == {
        ".hydra", "compare.csv", "compare.json", "figures", "gradexp.log", "metrics.json",
    }  # fmt: skip
    content = result()
    assert len(content["pairs"]) == 6
    assert {pair["verdict"] for pair in content["pairs"]} <= {"worse", "within noise", "cannot tell yet"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["status"], metrics["compare/settings"]) == ("completed", 4)
    assert {path: path.stat().st_mtime_ns for path in sweep.rglob("*")} == before, "the sweep is only read"


@pytest.mark.parametrize(
    "typed",
    [
        "optimizer=sgd,optimizer.lr=0.01",
        "'optimizer=sgd,optimizer.lr=1e-2'",
        "{optimizer:sgd,optimizer.lr:0.01}",
    ],
)
def test_a_baseline_is_typed_in_any_of_these_ways(
    typed: str, sweep: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, "task=compare", f"compare.folders=[{sweep}]", f"compare.baseline={typed}") is None
    content = result()
    assert content["reference"] == "optimizer=sgd optimizer.lr=0.01"
    assert (content["comparisons"], content["best_was_chosen_by_these_numbers"]) == (3, False)
    assert all(pair["b"] == content["reference"] for pair in content["pairs"])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["compare.folders=[]"], "compare.folders must be a list of folders of multiruns and of runs for task=compare"),
        (
            ["compare.folders=[nowhere]"],
            "compare.folders must be folders of multiruns and of runs; there is no nowhere",
        ),
        (["compare.folders=nowhere"], "compare.folders must be a list of folders of multiruns and of runs, such as"),
        (["compare.baseline=optimizer=lion"], "got optimizer=lion, which is none of the settings"),
        (["compare.baseline=optimizer=sgd"], "got optimizer=sgd, which is 2 settings"),
        (["compare.baseline=sgd"], "compare.baseline must be KEY=VALUE, or several with commas between"),
        (["compare.metric=val/acuracy"], "compare.metric must be a metric that all settings have"),
        (["compare.delta=-1"], "compare.delta must be a finite number of at least 0, or null; got -1"),
        (["compare.folder=x"], "compare.folder"),
        (["task=train"], "compare.folders has no effect with task=train, only with task=compare"),
    ],
)
def test_an_error_is_one_message_and_leaves_nothing(
    lines: list[str], message: str, sweep: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = str(call(monkeypatch, "task=compare", f"compare.folders=[{sweep}]", *lines))
    assert said.startswith("error: ")
    assert message in said
    assert "\n" not in said
    assert not list(own_folder.glob("outputs/*/*/compare.*"))


def test_one_seed_of_each_setting_is_refused(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy(own_folder / "few", 1, optimizer__lr=[0.1, 0.01])
    said = str(call(monkeypatch, "task=compare", "compare.folders=[few]"))
    assert "compare.folders must hold several seeds of a setting" in said
    noisy(own_folder / "one", 5, optimizer__lr=[0.1])
    said = str(call(monkeypatch, "task=compare", "compare.folders=[one]"))
    assert "compare.folders must hold two settings or more with best/val/accuracy; got one" in said


def test_two_trained_models_are_compared_on_their_test_set(
    tmp_path_factory: pytest.TempPathFactory, own_folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = finished_sweep(tmp_path_factory.mktemp("trained"), *SMALL, "optimizer.lr=0.01,0.1", "figures=false")
    kept = [read_correct(folder / name) for name in "01"]
    accuracies = [json.loads((folder / name / "metrics.json").read_text())["test/accuracy"] for name in "01"]
    assert [one.right.mean() for one in kept if one is not None] == pytest.approx(accuracies)
    assert kept[0] is not None
    assert kept[1] is not None
    assert kept[0].test_set == kept[1].test_set
    result = run("task=compare", f"compare.folders=[{folder / '0'},{folder / '1'}]")
    assert "these two models differ by" in capsys.readouterr().out
    (one,) = json.loads((result.folder / "compare.json").read_text())["on_this_test_set"]
    first, second = kept[0].right, kept[1].right
    assert abs(one["difference"]) == pytest.approx(abs(first.mean() - second.mean()))
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    reach = 1.959964 * np.sqrt(b + c - (b - c) ** 2 / len(first)) / len(first)
    assert one["high"] - one["difference"] == pytest.approx(reach)


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two benchmarks on different data: of two optimizers the best and the default, at four fresh seeds."""
    folders = []
    for name in ("digits", "cancer"):
        data: dict[str, list[Any]] = {"data___target_": [f"gradexp.data.{name}"], "name": [name]}
        folder = noisy(
            tmp_path_factory.mktemp("problem") / name, 4, **data, optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01]
        )
        content = json.loads((folder / "manifest.json").read_text())
        for job in content["jobs"].values():
            job |= {"stage": "final", "is_default": job["settings"]["optimizer.lr"] == 0.01}
        (folder / "manifest.json").write_text(json.dumps(content | {"for_each": "optimizer"}))
        folders.append(folder)
    return folders


def test_several_problems_give_one_table_of_scores_with_shared_ranks(
    problems: list[Path], own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "task=compare", f"compare.folders=[{','.join(map(str, problems))}]") is None
    out = capsys.readouterr().out
    (folder,) = (own_folder / "outputs" / "compare").iterdir()
    assert out.splitlines()[0].split() == ["entrant", "rate", "digits", "cancer", "first", "time", "a", "step"]
    assert out.rstrip().endswith(f"folder: {folder}")
    names = {"compare.csv", "compare.json", "scores.csv", "report.html", "metrics.json", ".hydra", "gradexp.log"}
    assert {path.name for path in folder.iterdir()} == names
    with (folder / "scores.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    content = json.loads((folder / "compare.json").read_text())
    assert len(table) == len(content["scores"]) == 2 * 2 * 2
    # The synthetic accuracy is 0.97 at sgd 0.1 and adam 0.01, 0.92 at the other rates.
    ranks = {(row["entrant"], row["rate"], row["problem"]): row["rank"] for row in table}
    assert {key: rank == "1" for key, rank in ranks.items()} == {
        (name, rate, problem): (name, rate) in [("sgd", "tuned"), ("adam", "default")]
        for name in ("sgd", "adam") for rate in ("tuned", "default") for problem in ("digits", "cancer")
    }  # fmt: skip
    with (folder / "compare.csv").open(newline="") as file:
        pairs = list(csv.DictReader(file))
    assert [sum(pair["problem"] == name for pair in pairs) for name in ("digits", "cancer")] == [6, 6]
    assert set(content["problems"]) == {"digits", "cancer"}
    page = (folder / "report.html").read_text()
    assert "<h1>Scores on 2 problems</h1>" in page
    assert page.count("<td>adam</td><td>default</td>") == 1
    assert "http" not in page.replace("http-equiv", "")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["compare/problems"], metrics["compare/entrants"]) == (2, 4)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["compare.baseline=optimizer=sgd"], "compare.baseline must be null for folders of several problems"),
        (["compare.delta=0.1"], "compare.delta must be null for folders of several problems"),
        (["compare.metric=val/f1"], "got val/f1. (In the problem digits.)"),
    ],
)
def test_what_several_problems_cannot_have_is_one_message(
    lines: list[str], message: str, problems: list[Path], own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = str(call(monkeypatch, "task=compare", f"compare.folders=[{','.join(map(str, problems))}]", *lines))
    assert said.startswith("error: ")
    assert message in said
    assert "\n" not in said
    assert not list(own_folder.glob("outputs/*/*/compare.*"))


def test_a_sweep_over_several_problems_reports_their_table(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data: dict[str, list[Any]] = {"name": ["digits", "cancer"], "data__path": ["a.csv", "<b>.csv"]}
    folder = noisy(own_folder / "sweep", 3, **data, optimizer=["sgd", "adam"])
    write_report(folder, Console(width=200))
    out = capsys.readouterr().out
    assert "not ranked: the jobs are of several data sets" in out
    assert "in brackets the rank" in out
    page = (folder / "report.html").read_text()
    assert '<table id="scores">' in page
    assert "<b>.csv" not in page


def test_a_report_has_the_section_and_the_figure(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = noisy(own_folder / "sweep", 3, optimizer=["adam"], optimizer__lr=[0.1, 0.01])
    write_report(folder, Console())
    out = capsys.readouterr().out
    assert "2 settings by best/val/accuracy, higher is better" in out
    assert "is worse than" in out
    page = (folder / "report.html").read_text()
    assert "<h2>Better than the noise of seeds?</h2>" in page
    assert "<td>optimizer=adam optimizer.lr=0.01</td>" in page
    assert (folder / "figures" / "sweep_compare.png").is_file()
    assert 'alt="every seed of every setting" src="data:image/png;base64,iVBOR' in page


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a=1,b.c=x", {"a": "1", "b.c": "x"}),
        ("model.hidden=[20,10],seed=1", {"model.hidden": "[20,10]", "seed": "1"}),
        ({"a": 1}, {"a": 1}),
        ("a", None),
        ("a=1,b", {"a": "1,b"}),
        ("=1", None),
        ("", None),
        ({}, None),
        (3, None),
    ],
)
def test_the_form_of_a_baseline(given: Any, expected: dict[str, Any] | None) -> None:
    assert baseline(given) == expected


def test_only_a_baseline_that_hydra_cannot_read_is_quoted() -> None:
    lines = [
        "compare.baseline=a=1,b=2",
        "compare.baseline='a=1'",
        "compare.baseline={a:1}",
        "compare.baseline=null",
        "-m",
    ]
    assert with_readable_baseline([*lines, "model.x=a=1"]) == ["compare.baseline='a=1,b=2'", *lines[1:], "model.x=a=1"]


@pytest.mark.parametrize("value", [1e308, -3e38, 0.0, 5e-324, None, 10**18])
def test_scores_beyond_all_measure_are_compared_or_refused(
    value: Any, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = "val/accuracy" if value else "val/loss"
    folder = noisy(own_folder / "sweep", 5, optimizer__lr=[0.1, 0.01, 0.2])
    for number, path in enumerate(sorted(folder.glob("*/metrics.json"))):
        content = json.loads(path.read_text()) | {f"best/{metric}": value if number % 4 == 0 else -1.0}
        path.write_text(json.dumps(content | {"samples/val": -3, "classes": 10}))
    said = call(monkeypatch, "task=compare", "compare.folders=[sweep]", f"compare.metric={metric}")
    assert said is None or str(said).startswith("error: compare.")
    for path in own_folder.glob("outputs/compare/*/compare.json"):
        assert json.loads(path.read_text())["metric"] == f"best/{metric}"
