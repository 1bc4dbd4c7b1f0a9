"""Benchmarks as they are read from disk, without a disk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gradexp.sweeps.report.results import Job, SweepResults
from tests.sweeps.report.comparison.jobs import job, sweep

Scores = Mapping[tuple[str, float], Sequence[float | None]]  # by optimizer and rate; None for a diverged run
DEFAULT = 0.1  # the rate that is each optimizer's own


def benchmark(
    name: str, scores: Scores, data: str = "Digits", folder: str = "", metrics: Mapping[str, Any] = MappingProxyType({})
) -> SweepResults:
    """Final runs with these scores at seeds 100, 101, and so on, after a grid of seed 0; with further metrics."""
    jobs: list[Job] = []
    for (optimizer, rate), values in scores.items():
        for seed, score in enumerate(values):
            settings = {"optimizer": optimizer, "optimizer.lr": rate, "seed": 100 + seed}
            own = {"best/val/accuracy": score, "seconds/fit": 2.0, "steps": 100, "parameters": 10, **metrics}
            made = job(
                len(jobs), settings, folder or name, status="completed" if score is not None else "diverged",
                metrics=own, config={"name": name, "data._target_": f"gradexp.data.{data}"},
            )  # fmt: skip
            jobs.append(replace(made, stage="final", entrant=optimizer, is_default=rate == DEFAULT))
    grid = [replace(one, stage="grid", folder=one.folder / "grid") for one in jobs[:1]]
    return replace(sweep([*grid, *jobs]), name=name)
