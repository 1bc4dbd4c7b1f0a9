"""A comparison in words, in a table, in files, and the commands that settle it."""

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from gradexp.sweeps.report.comparison.compare import Comparison, compare
from gradexp.sweeps.report.comparison.figure import figure
from gradexp.sweeps.report.comparison.files import write_files
from gradexp.sweeps.report.comparison.next_command import missing_commands, next_commands
from gradexp.sweeps.report.comparison.scores import Metric
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.comparison.table import print_comparison, rows
from gradexp.sweeps.report.comparison.words import lines, with_commands
from tests.sweeps.dry_run import listed
from tests.sweeps.report.comparison.jobs import LOST, job, settings

ACCURACY = Metric("best/val/accuracy", 1)


def example(baseline: dict[str, Any] | None = None) -> Comparison:
    """Four settings: the best, one near it, a bad one with a dead run, one that diverged in part."""
    rng = np.random.default_rng(1)
    scores = {
        name: rng.normal(mean, 0.01, 5).tolist() for name, mean in (("best", 0.95), ("near", 0.94), ("bad", 0.80))
    }
    scores["bad"][2] = 0.3
    jobs = [one for setting in settings(scores) for one in setting.jobs.values()]
    jobs += [job(30, {"model.init": "near", "seed": 7}, status="diverged", metrics=LOST)]
    jobs += [job(31, {"model.init": "gone", "seed": 0}, status="failed")]
    return compare(settings_of(jobs), ACCURACY, baseline)


def test_the_lines_say_what_was_found_and_how() -> None:
    text = "\n".join(lines(example()))
    assert "model.init=best was chosen as the best by these very numbers: so all 3 pairs are tested (Holm)" in text
    assert "model.init=near and model.init=best: cannot tell yet: difference -0.0" in text
    assert "these jobs could tell a gap of 0.0" in text
    assert "fresh seeds a side" in text
    assert "(80 % power)" in text
    assert "a fresh run beats one of the other with probability" in text
    assert "model.init=bad: its seeds fall into two groups, 1 low and 4 high: see the dots; a mean says little" in text
    assert "diverged or failed, and in no mean: model.init=gone (1 failed), model.init=near (1 diverged)" in text
    assert "settle it at fresh seeds" in text
    with_baseline = lines(example({"model.init": "bad"}))
    assert with_baseline[0] == "compared with model.init=bad: 2 comparisons (Holm), and the intervals are as wide"
    assert not any("chosen" in line for line in with_baseline)


def test_two_seeds_have_values_and_no_verdict() -> None:
    found = compare(settings({"a": [0.9, 0.91], "b": [0.8, 0.81]}), ACCURACY)
    assert lines(found) == [
        "no verdict: from three seeds on a difference is judged; add the missing seeds, and compare both folders: "
        "python -m gradexp -m model.init=a,b seed=2,3,4"
    ]
    assert [row.difference for row in rows(found)] == ["", "-0.1"]


def test_the_table_judges_each_setting_beside_the_reference() -> None:
    best = compare(settings({"a": [0.95, 0.951, 0.949, 0.95], "b": [0.8, 0.801, 0.802, 0.81]}), ACCURACY)
    assert [(row.label, row.verdict) for row in rows(best)] == [
        ("model.init=a", "compared with"),
        ("model.init=b", "worse"),
    ]
    assert rows(best)[1].difference == f"{best.settings[1].mean - best.settings[0].mean:+.3g}"
    assert [row.verdict for row in rows(example())] == ["the best found", "cannot tell yet", "cannot tell yet"]
    assert [row.diverged for row in rows(example())] == ["", "1", ""]


@pytest.mark.parametrize("baseline", [None, {"model.init": "mid"}])
@pytest.mark.parametrize("metric", [ACCURACY, Metric("best/val/loss", -1)])
def test_every_place_says_a_difference_in_one_direction(
    metric: Metric, baseline: dict[str, Any] | None, tmp_path: Path
) -> None:
    """Table, line and files, of the setting beside the reference: the sign that its verdict is about."""
    means = {"top": 0.95, "mid": 0.80, "low": 0.60}
    scores = {name: [mean + 0.001 * (n % 2) * len(name) for n in range(5)] for name, mean in means.items()}
    found = compare(settings(scores, metric.name), metric, baseline)
    write_files(found, tmp_path)
    table = list(csv.DictReader((tmp_path / "compare.csv").read_text().splitlines()))
    reference = found.settings[found.reference].label
    for row in rows(found):
        if row.label == reference:
            continue
        (own,) = [one for one in table if (one["a"], one["b"]) == (row.label, reference)]
        numbers = [f"{float(own[key]):.3g}" for key in ("low", "high")]
        assert (row.difference, row.interval) == (f"{float(own['difference']):+.3g}", " to ".join(numbers))
        assert row.verdict == own["verdict"]
        assert (row.verdict == "better") == (metric.sign * float(row.difference) > 0)
        said = f"{row.label} is {row.verdict} than {reference}: difference {row.difference}, {row.interval} ("
        assert any(line.startswith(said) for line in lines(found))
    assert {pair["b"] for pair in json.loads((tmp_path / "compare.json").read_text())["pairs"][:2]} == {reference}


def test_a_narrow_pipe_breaks_no_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(example(), Console(width=40))
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "3 settings by best/val/accuracy, higher is better"
    assert out[2].startswith("model.init=best ")
    assert "failed" not in out[1]  # none of the settings with a score has failed


def test_the_files_hold_every_pair(tmp_path: Path) -> None:
    found = example()
    write_files(found, tmp_path)
    content = json.loads((tmp_path / "compare.json").read_text())
    table = list(csv.DictReader((tmp_path / "compare.csv").read_text().splitlines()))
    wanted = ("a", "b", "metric", "n", "paired", "difference", "low", "high", "p", "p_holm", "p_beats", "verdict")
    assert len(content["pairs"]) == len(table) == 3
    for pair, row in zip(content["pairs"], table, strict=True):
        assert set(wanted) <= pair.keys()
        assert pair["metric"] == "best/val/accuracy"
        assert float(row["p_holm"]) == pair["p_holm"]
        assert (row["a"], row["verdict"]) == (pair["a"], pair["verdict"])
    assert content["best_was_chosen_by_these_numbers"] is True
    first = content["settings"][0]
    assert (first["setting"], first["seeds"], len(first["scores"])) == ("model.init=best", 5, 5)
    assert first["low"] < first["mean"] < first["high"]


def test_text_for_a_spreadsheet_is_no_formula(tmp_path: Path) -> None:
    jobs = [job(n, {"model.init": n // 3, "seed": n % 3}, metrics={"best/val/accuracy": 0.9}) for n in range(6)]
    for one in jobs:
        one.overrides[0] = f"={one.overrides[0]}"
        one.settings.pop("model.init")
    write_files(compare(settings_of(jobs), ACCURACY), tmp_path)
    table = list(csv.DictReader((tmp_path / "compare.csv").read_text().splitlines()))
    assert all(not row[key].startswith("=") for row in table for key in ("a", "b"))


def test_the_figure_has_every_seed_a_dot() -> None:
    (axes,) = figure(example()).axes
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() in ("o", "D")]
    assert [len(row) for row in dots] == [5, 5, 5]  # type: ignore[arg-type]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "model.init=best", "model.init=near", "model.init=bad",
    ]  # fmt: skip


def test_the_figure_has_the_verdicts_of_the_table_beside_its_rows() -> None:
    scores = {name: [mean + 0.001 * n for n in range(3)] for name, mean in (("a", 0.95), ("b", 0.9), ("c", 0.949))}
    for found in (compare(settings(scores), ACCURACY), compare(settings(scores), ACCURACY, {"model.init": "b"})):
        (axes,) = figure(found).axes
        (right,) = axes.child_axes
        assert [label.get_text() for label in right.get_yticklabels()] == [row.verdict for row in rows(found)]
        np.testing.assert_array_equal(right.get_yticks(), axes.get_yticks())
    two_seeds = compare(settings({"a": [0.9, 0.91], "b": [0.8, 0.81]}), ACCURACY)
    assert figure(two_seeds).axes[0].child_axes == [], "nothing is judged"


def test_a_reference_beyond_the_settings_shown_keeps_its_verdict() -> None:
    scores = {f"s{n:02}": [0.9 - 0.01 * n + 0.0001 * seed for seed in range(3)] for n in range(25)}
    found = compare(settings(scores), ACCURACY, {"model.init": "s24"})
    (axes,) = figure(found).axes
    (right,) = axes.child_axes
    assert [label.get_text() for label in axes.get_yticklabels()][-2:] == ["model.init=s18", "model.init=s24"]
    assert [label.get_text() for label in right.get_yticklabels()][-2:] == ["better", "compared with"]


RATES = {"sgd": (0.1, 0.01), "adam": (0.003, 0.001)}


def test_the_command_runs_the_settings_at_fresh_seeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Optimizer and rate vary together, and no further pair of them runs; taken seeds are not fresh."""
    typed = [{"trainer.max_epochs": 2, "optimizer": name, "optimizer.lr": rates[0]} for name, rates in RATES.items()]
    jobs = [job(n, {**one, "seed": seed}) for n, one in enumerate(typed) for seed in (0, 101)]
    (line,) = next_commands(settings_of(jobs), 2)
    assert line.startswith("python -m gradexp -m trainer.max_epochs=2 optimizer=sgd,adam optimizer.lr=0.1,0.003 ")
    assert line.endswith("seed=100,102,103,104,105")
    found = listed(monkeypatch, capsys, *shlex.split(line)[4:])
    assert len(found) == 10
    assert {(one.split()[0], one.split()[1]) for one in found} == {
        ("optimizer=sgd", "optimizer.lr=0.1"), ("optimizer=adam", "optimizer.lr=0.003"),
    }  # fmt: skip


def test_all_combinations_are_axes_that_are_not_zipped() -> None:
    typed = [{"optimizer": name, "optimizer.lr": rate} for name in RATES for rate in (0.1, 0.01)]
    jobs = [job(n, {**one, "seed": 0}) for n, one in enumerate(typed)]
    assert next_commands(settings_of(jobs), 5) == [
        "python -m gradexp -m optimizer=sgd,adam optimizer.lr=0.1,0.01 'seed=range(100,105)'"
    ]


def test_settings_with_other_keys_have_a_command_each() -> None:
    jobs = [
        job(0, {"optimizer": "sgd", "optimizer.momentum": 0.9, "seed": 0}),
        job(1, {"optimizer": "adam", "seed": 0}),
    ]
    assert next_commands(settings_of(jobs), 7) == [
        f"python -m gradexp -m {one} 'seed=range(100,107)'"
        for one in ("optimizer=sgd optimizer.momentum=0.9", "optimizer=adam")
    ]
    lists = [job(n, {"model.hidden": hidden}) for n, hidden in enumerate(("[10,10]", "[20]"))]
    assert [shlex.split(line)[4] for line in next_commands(settings_of(lists), 5)] == [
        "model.hidden=[10,10]",
        "model.hidden=[20]",
    ]


def test_the_missing_seeds_of_each_setting_are_added_alone() -> None:
    fold = {"data.folds": 5, "data.fold": 2}
    seeds = {"a": (0, 1), "b": (1, 7)}
    jobs = [
        job(10 * n + seed, {"optimizer": name, **fold, "seed": seed})
        for n, name in enumerate(seeds) for seed in seeds[name]
    ]  # fmt: skip
    jobs.append(job(20, {"optimizer": "b", **fold, "seed": 3}, status="diverged", metrics=LOST))
    assert missing_commands(settings_of(jobs)) == [
        "python -m gradexp -m optimizer=a data.folds=5 data.fold=2 seed=2,3,4",
        "python -m gradexp -m optimizer=b data.folds=5 data.fold=2 seed=0,2,4",
    ]
    many = compare(settings({name: [0.9 - n / 10, 0.91 - n / 10] for n, name in enumerate("abcde")}), ACCURACY)
    assert lines(many)[0].endswith("from three seeds on a difference is judged; add seed=2,3,4")


def test_the_one_pair_of_several_settings_is_said_to_be_tested() -> None:
    found = compare(settings({"a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.82], "c": [0.1]}), ACCURACY)
    assert "by these very numbers: so the one pair is tested (Holm)" in lines(found)[0]


def test_one_setting_and_one_job_are_said_in_the_singular() -> None:
    jobs = [
        one
        for setting in settings({"a": [0.9, 0.91, 0.92], "b": [0.8, 0.81, 0.82], "c": [0.1]})
        for one in setting.jobs.values()
    ]
    once = lines(compare(settings_of([*jobs, job(30, {"model.init": "a", "seed": 0})]), ACCURACY))
    assert "no verdict on 1 setting with fewer than three seeds: model.init=c" in once
    assert "1 job repeats a seed of the same setting: the first of each counts" in once
    more = [job(30 + seed, {"model.init": name, "seed": 0}) for seed, name in enumerate("aad")]
    twice = lines(compare(settings_of([*jobs, *more]), ACCURACY))
    assert "2 jobs repeat a seed of the same setting: the first of each counts" in twice


def test_a_command_has_at_most_fifty_seeds_and_four_settings() -> None:
    jobs = [job(n, {"model.init": n}) for n in range(5)]
    assert next_commands(settings_of(jobs), 5) == []
    (line,) = next_commands(settings_of(jobs[:4]), 500)
    assert shlex.split(line)[-1] == "seed=range(100,150)"


def test_seeds_without_a_gap_are_typed_as_a_range_that_runs_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = next_commands(settings_of([job(0, {"optimizer": "adam", "seed": 0})]), 6)
    assert line.endswith(" 'seed=range(100,106)'")
    found = listed(monkeypatch, capsys, *shlex.split(line)[4:])
    assert [one.split()[-1] for one in found] == [f"seed={seed}" for seed in range(100, 106)]
    (gap,) = next_commands(settings_of([job(0, {"optimizer": "adam", "seed": 103})]), 6)
    assert gap.endswith(" seed=100,101,102,104,105,106")


def test_the_commands_of_a_line_stand_apart_from_its_words() -> None:
    open_one, two_seeds = example(), compare(settings({"a": [0.9, 0.91], "b": [0.8]}), ACCURACY)
    *others, (text, commands) = with_commands(lines(open_one))
    assert text == "settle it at fresh seeds, and compare these alone:"
    assert [command.startswith("python -m gradexp -m model.init=best,near") for command in commands] == [True]
    assert all(found == [] for _, found in others)
    assert [words for words, _ in others] == lines(open_one)[:-1]
    ((text, commands), *_) = with_commands(lines(two_seeds))
    assert text.endswith("add the missing seeds, and compare both folders:")
    assert commands == [f"python -m gradexp -m model.init={one}" for one in ("a seed=2,3,4", "b seed=1,2,3,4")]
