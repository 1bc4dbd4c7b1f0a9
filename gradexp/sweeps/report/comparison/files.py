"""compare.json and compare.csv."""

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gradexp.files import write_atomically, write_json
from gradexp.sweeps.report.comparison.compare import Comparison, Scored
from gradexp.sweeps.report.comparison.pair import Pair
from gradexp.sweeps.report.comparison.words import lines
from gradexp.sweeps.report.results import cell


def write_files(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``compare.json`` (settings, pairs and lines) and ``compare.csv`` (one row a pair), atomically."""
    content = content_of(comparison)
    pairs = content["pairs"]
    json_path, csv_path = folder / "compare.json", folder / "compare.csv"
    write_json(json_path, content)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(pairs[0]), lineterminator="\n")
    writer.writeheader()
    for row in pairs:
        writer.writerow({key: cell(value) for key, value in row.items()})
    write_atomically(csv_path, text.getvalue().encode())
    return [json_path, csv_path]


def content_of(comparison: Comparison) -> dict[str, Any]:
    """The content of compare.json: the metric, the settings with their scores, the pairs with their verdicts, lines."""
    pairs = rows_of_pairs(comparison)
    return {
        "metric": comparison.metric.name,
        "higher_is_better": comparison.metric.sign > 0,
        "reference": comparison.settings[comparison.reference].label,
        "best_was_chosen_by_these_numbers": comparison.is_chosen,
        "comparisons": comparison.comparisons,
        "unit": comparison.unit,
        "settings": [_setting(one) for one in comparison.settings],
        "pairs": pairs,
        "on_this_test_set": [
            {
                "a": comparison.settings[one.a].label,
                "b": comparison.settings[one.b].label,
                "metric": "test/accuracy",
                "difference": one.difference,
                "low": one.difference - one.reach,
                "high": one.difference + one.reach,
            }
            for one in comparison.sampled
        ],
        "lines": lines(comparison),
    }


def rows_of_pairs(comparison: Comparison) -> list[dict[str, Any]]:
    """The rows of compare.csv: one for each pair."""
    return [_pair(comparison, pair) for pair in comparison.pairs]


def _pair(comparison: Comparison, pair: Pair) -> dict[str, Any]:
    least, expected, most = pair.seeds or (None, None, None)
    values = {key: value for key, value in asdict(pair).items() if key not in ("a", "b", "n", "seeds")}
    return {
        "a": comparison.settings[pair.a].label,
        "b": comparison.settings[pair.b].label,
        "metric": comparison.metric.name,
        "n": pair.n,
        **values,
        "verdict": None if pair.verdict is None else str(pair.verdict),
        "seeds_least": least,
        "seeds_expected": expected,
        "seeds_most": most,
    }


def _setting(one: Scored) -> dict[str, Any]:
    return {
        "setting": one.label,
        "mean": one.mean,
        "spread": one.spread,
        "low": one.low,
        "high": one.high,
        "n": len(one.scores),
        "unit": one.unit,
        "seeds": len({repeat[0] for repeat in one.runs}),
        "folds": one.folds,
        "diverged": one.setting.count("diverged"),
        "failed": one.setting.count("failed"),
        "two_groups": list(one.groups) if one.groups else None,
        "scores": [
            {
                "seed": repeat[0],
                "fold": repeat[1],
                "split_seed": repeat[2],
                "score": score,
                "job": str(one.setting.jobs[repeat].folder),
            }
            for repeat, score in one.runs.items()
        ],
    }
