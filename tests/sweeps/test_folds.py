"""A cross-validation from its command to its report."""

import re
from pathlib import Path
from statistics import fmean, stdev

import pytest

from tests.app.vectorized.fitted import stack_sizes
from tests.command_line import call
from tests.sweeps.small import REPORTED, table


def test_a_sweep_over_folds_is_trained_in_stacks_and_judged_by_its_folds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stacks = stack_sizes(monkeypatch)
    # Of 1,438 images the first fold holds out 480, the others 479.
    axes = ("+sweep=folds", "data.folds=3", "optimizer.lr=1e-4,3e-2", "seed=0,1", "model.hidden=[16]")
    launcher = ("hydra/launcher=vectorized", "hydra.launcher.inner=basic")
    assert call(monkeypatch, *REPORTED, *axes, *launcher, "test=false") is None
    assert stacks == [4, 8]
    rows = [row for row in table() if row["status"] == "completed"]
    assert [row["samples/val"] for row in rows if row["seed"] == "0"] == ["480", "479", "479"] * 2
    means: dict[str, list[float]] = {}
    for rate in ("0.0001", "0.03"):
        by_fold = [
            [float(row["best/val/accuracy"]) for row in rows if (row["optimizer.lr"], row["data.fold"]) == (rate, fold)]
            for fold in "012"
        ]
        assert all(len(scores) == 2 for scores in by_fold)
        means[rate] = [fmean(scores) for scores in by_fold]
    out = capsys.readouterr().out
    best = means["0.03"]
    words = f"optimizer.lr=0.03 {fmean(best):.4g} {stdev(best):.2g} 3"
    assert words in re.sub(" +", " ", out)
    gaps = [other - one for one, other in zip(best, means["0.0001"], strict=True)]
    assert f"optimizer.lr=0.0001 is worse than optimizer.lr=0.03: difference {fmean(gaps):+.3g}" in out
    assert "(95 %; 3 pairs of equal folds; p" in out
    assert "after Nadeau and Bengio (2003)" in out
    assert not any("test/" in key for key in rows[0])
    page = Path("sweep/report.html").read_text()
    assert "± over folds" in page
    assert "3 pairs of equal folds" in page
