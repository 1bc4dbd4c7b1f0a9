"""The published texts are those of the recorded values, and the comparison finds what differs."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gradexp.configuration.files import CONF_DIR
from tests.published.comparison import differs, holm
from tests.published.rows import ROWS, Row, recorded, text

README = Path(__file__).parents[1] / "README.md"
MEAN_AND_SPREAD = re.compile(r"-?[\d.]+(?: %)? ± [\d.]*\d")
RANGE = re.compile(r"\d (?:to|-) [\d.]+ %|over seeds")


def texts(row: Row) -> list[str]:
    return [text(metric, values) for metric, values in recorded()[row.name].items()]


def words(path: Path) -> str:
    return " ".join(path.read_text().replace("\n#", "\n").split())


def test_every_row_is_recorded_over_its_seeds() -> None:
    record = recorded()
    assert {row.name: dict.fromkeys(row.metrics, row.seeds) for row in ROWS} == {
        name: {metric: len(values) for metric, values in metrics.items()} for name, metrics in record.items()
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_experiment_publishes_its_recorded_values(row: Row) -> None:
    published = words(CONF_DIR / "experiment" / f"{row.experiment}.yaml")
    for one in texts(row):
        assert one in published
    assert f"{row.seeds} seeds" in published


@pytest.mark.parametrize("path", [README, *sorted(CONF_DIR.rglob("*.yaml"))], ids=lambda path: path.name)
def test_nothing_else_is_published_as_a_mean_and_no_range_is(path: Path) -> None:
    measured = {
        one
        for row in ROWS
        if path in (README, CONF_DIR / "experiment" / f"{row.experiment}.yaml")
        for one in texts(row)
    }
    assert set(MEAN_AND_SPREAD.findall(words(path))) <= measured
    assert not RANGE.search(words(path))


def test_texts_have_the_digits_that_their_deviation_allows() -> None:
    assert text("test/accuracy", [0.98, 0.99]) == "98.50 % ± 0.71"
    assert text("learned/w", [4.98, 5.02]) == "5.000 ± 0.028"
    assert text("perceptron/corrections", [10, 50, 30]) == "30 ± 20"
    assert text("learned/b", [2.0, 2.0]) == "2 ± 0"


def test_holm_rejects_what_scipys_step_down_does() -> None:
    # Bonferroni with 4, 3, 2, 1 hypotheses left: 0.01 <= 0.0125, 0.016 <= 0.0167, 0.03 > 0.025.
    assert holm([0.03, 0.01, 0.04, 0.016]) == [False, True, False, True]
    assert holm([0.02, 0.02, 0.02, 0.02]) == [False] * 4
    assert holm([0.01, float("nan")]) == [True, False]


def test_the_error_rate_over_all_rows_is_held() -> None:
    """With 20 numbers that have not changed, at most 5 % of the comparisons name one."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(400):
        p = [differs(rng.normal(size=10).tolist(), rng.normal(size=5).tolist()) for _ in range(20)]
        false += any(holm(p))
    assert stats.binomtest(false, 400, 0.05, alternative="greater").pvalue > 0.001
    assert differs([0.5] * 10, [0.5] * 5) == 1
    assert differs([0.5] * 10, [0.6] * 5) == 0
    assert differs([0.92, 0.921, 0.922], [0.84, 0.843, 0.839]) < 1e-4
