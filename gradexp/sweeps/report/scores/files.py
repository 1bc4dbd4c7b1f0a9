"""scores.csv, compare.json and compare.csv of several problems."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradexp.files import write_atomically, write_json
from gradexp.sweeps.report.comparison.files import content_of, rows_of_pairs
from gradexp.sweeps.report.results import cell
from gradexp.sweeps.report.scores.board import Board, Cell, Entrant, Problem
from gradexp.sweeps.report.scores.table import lines
from gradexp.verdicts.ranks import in_words


def write_scores(board: Board, folder: Path) -> list[Path]:
    """Write ``scores.csv`` (a row an entrant and problem) and the verdicts, ``compare.json`` and ``compare.csv``."""
    json_path = folder / "compare.json"
    verdicts = {problem.label: content_of(problem.comparison) for problem in board.problems}
    write_json(json_path, {"problems": verdicts, "scores": score_rows(board), "lines": lines(board)})
    pairs = [
        {"problem": problem.label, **row} for problem in board.problems for row in rows_of_pairs(problem.comparison)
    ]
    return [json_path, write_rows(folder / "compare.csv", pairs), write_rows(folder / "scores.csv", score_rows(board))]


def score_rows(board: Board) -> list[dict[str, Any]]:
    """The rows of scores.csv, in the order of the table."""
    return [
        _row(row.entrant, problem, cell)
        for row in board.rows
        for problem, cell in zip(board.problems, row.cells, strict=True)
        if cell is not None
    ]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows with the same columns as CSV, atomically."""
    content = io.StringIO()
    writer = csv.DictWriter(content, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
    write_atomically(path, content.getvalue().encode())
    return path


def _row(entrant: Entrant, problem: Problem, one: Cell) -> dict[str, Any]:
    scored = one.scored
    return {
        "entrant": entrant[0],
        "rate": entrant[1],
        "problem": problem.label,
        "setting": one.setting.label,
        "metric": problem.comparison.metric.name,
        "higher_is_better": problem.comparison.metric.sign > 0,
        "rank": in_words(one.ranks),
        "mean": scored.mean if scored else None,
        "spread": scored.spread if scored else None,
        "low": scored.low if scored else None,
        "high": scored.high if scored else None,
        "n": len(scored.scores) if scored else 0,
        "test": sum(scored.test.values()) / len(scored.test) if scored and scored.test else None,
        "diverged": one.setting.count("diverged"),
        "failed": one.setting.count("failed"),
        "seconds_per_step": one.costs.seconds,
        "state_bytes_per_parameter": one.costs.state,
        "epochs_to_target": one.costs.epochs,
        "reached_target": one.costs.reached,
    }
