"""Studies: their figures show the values that the jobs wrote, and published results are reproduced."""

import json
import math
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import linear_model

from gradexp import Diabetes
from gradexp.sweeps.report.results import SweepResults
from gradexp.sweeps.report.studies import study_named, study_names
from gradexp.sweeps.report.studies.study import Study
from tests.callbacks.drawing import drawn, shown
from tests.command_line import call

pytestmark = pytest.mark.slow

DRAWING = {
    "gradexp.sweeps.report.studies.vanishing_gradients": "gradient_norms_by_depth",
    "gradexp.sweeps.report.studies.regularization_path": "penalty_paths",
    "gradexp.sweeps.report.studies.overfitting": "curves_by_tag",
}


def swept(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> tuple[Path, dict[str, Any]]:
    """The folder of an experiment's multirun, and the arguments of its study's drawing functions, by name."""
    calls: dict[str, Any] = {}
    for module, function in DRAWING.items():
        home = import_module(module)
        original = getattr(home, function)

        def record_call(*values: Any, original: Any = original, function: str = function) -> Any:
            calls.setdefault(function, []).append(values)
            return original(*values)

        monkeypatch.setattr(home, function, record_call)
    assert call(monkeypatch, f"+experiment={name}", *arguments) is None
    (sweep,) = Path(f"outputs/sweeps/{name}").iterdir()
    return sweep, calls


def test_the_gradient_falls_by_a_factor_of_about_four_per_layer_with_sigmoid_and_not_with_relu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep, calls = swept(
        monkeypatch, "vanishing_gradients", "trainer.max_epochs=10", "model.activation=sigmoid,relu",
        "model.init=lecun_normal,kaiming_normal", "model.hidden=[30,30],[30,30,30,30,30,30,30,30]",
    )  # fmt: skip
    ((families, score),) = calls["gradient_norms_by_depth"]
    assert score == "best/val/accuracy"
    paces = {}
    for family in families:
        assert {depth: len(norms) for depth, norms in family.norms.items()} == {2: 2, 8: 8}
        norms = family.norms[8]
        paces[family.name] = math.exp(np.polyfit(range(8), np.log(norms), 1)[0])
    assert 3 < paces["sigmoid, lecun_normal"] < 6  # published: 4.7, 4.7, 4.3 between the layers of three networks
    assert 0.7 < paces["relu, kaiming_normal"] < 1.4
    assert "vanishing_gradients" in drawn(sweep)
    assert "vanishing_gradients" in shown(sweep)
    printed = capsys.readouterr().out
    assert "sigmoid, lecun_normal: falls by a factor" in printed
    assert 'alt="vanishing gradients"' in (sweep / "report.html").read_text()


def test_a_regularization_path_has_the_weights_of_lasso_and_ridge_and_marks_the_best(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = ("regularizer.l1=0,0.1,0.4,0,0", "regularizer.l2=0,0,0,0.1,1.0")
    sweep, calls = swept(
        monkeypatch, "regularization_path", "problem=lasso_linear", "trainer.max_epochs=2", "data.repeat=250", *pairs
    )
    ((l1_paths, _), (l2_paths, _)) = calls["penalty_paths"]
    (l1,), (l2,) = l1_paths, l2_paths
    assert (l1.strengths, l2.strengths) == ([0, 0.1, 0.4], [0, 0.1, 1.0])
    data = Diabetes(val_size=0.2)
    data.setup("fit")
    x, y = (part.double().numpy() for part in data.sample(1000))
    for number, strength in enumerate(l1.strengths[1:], start=1):
        expected = linear_model.Lasso(alpha=strength / 2, tol=1e-10).fit(x, y).coef_
        coefficients = np.array([line[number] for line in l1.weights.values()])
        np.testing.assert_allclose(coefficients, expected, atol=2e-3)
        assert l1.zero[number] == pytest.approx((expected == 0).mean())
    for number, strength in enumerate(l2.strengths[1:], start=1):
        expected = linear_model.Ridge(alpha=len(x) * strength).fit(x, y).coef_
        coefficients = np.array([line[number] for line in l2.weights.values()])
        np.testing.assert_allclose(coefficients, np.ravel(expected), atol=2e-3)
    metrics = [json.loads((sweep / str(n) / "metrics.json").read_text()) for n in range(5)]
    assert list(l1.val) == [job["val/loss"] for job in metrics[:3]]
    assert list(l1.train) == [job["train/loss"] for job in metrics[:3]]
    assert l1.best == int(np.argmin(l1.val))
    assert list(l1.weights) == list(l2.weights) == data.feature_names, "not w1, w2, ..."
    assert {"regularization_path_l1", "regularization_path_l2"} <= set(drawn(sweep)) & set(shown(sweep))
    assert f"best l1 {l1.strengths[l1.best]:g}" in capsys.readouterr().out


def test_the_path_of_a_deep_model_shows_the_norms_of_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("trainer.max_epochs=2", "regularizer.l1=0,0.001,0.01", "regularizer.l2=0", "sweep.zip=[]")
    sweep, calls = swept(monkeypatch, "regularization_path", "problem=lasso_mlp", *settings)
    (((path,), _),) = calls["penalty_paths"]
    assert list(path.weights) == ["linear_1", "output"]
    state = torch.load(sweep / "1" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert path.weights["output"][1] == pytest.approx(float(state["network.output.weight"].norm()))
    assert path.zero[2] > path.zero[0] == 0


def test_overfitting_shows_both_curves_of_both_jobs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ("data=digits", "data.val_size=1338", "trainer.max_epochs=5", "data.batch_size=10")
    sweep, calls = swept(monkeypatch, "overfitting", *quick, "trainer.log_every_n_steps=10")
    curves, *_ = next(call for call in calls["curves_by_tag"] if len(call[0]) == 4)
    assert set(curves) == {"train/loss", "val/loss", "train/accuracy", "val/accuracy"}
    assert all(list(by_job) == ["regularizer.l2=0", "regularizer.l2=5e-05"] for by_job in curves.values())
    assert len(curves["val/loss"]["regularizer.l2=0"][0]) == 5
    assert "overfitting" in drawn(sweep)
    assert "regularizer.l2=5e-05: ends at train/loss" in capsys.readouterr().out


@pytest.mark.parametrize("name", study_names())
def test_a_study_without_jobs_names_what_is_missing(name: str, tmp_path: Path) -> None:
    study = study_named(name)(SweepResults(tmp_path, "x", "val/loss", [], []))
    assert isinstance(study, Study)
    assert not study.figures
    assert len(study.lines) == 1


def test_an_unknown_study_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = str(call(monkeypatch, "-m", "seed=0,1", "sweep.study=cost"))
    assert "sweep.study must be one of bias_variance, costs" in message
    assert "Did you mean costs?" in message


def test_the_names_of_studies_and_topics_need_no_slow_imports() -> None:
    code = """
import sys
from gradexp.explain import topic_names
from gradexp.sweeps.report.studies import study_names
print(*study_names(), *[name for name in ("torch", "matplotlib", "numpy") if name in sys.modules])
print(*topic_names())
"""
    command, checkout = [sys.executable, "-c", code], Path(__file__).parents[3]
    printed = subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=True, timeout=300
    ).stdout.splitlines()
    assert printed[0].split() == ["bias_variance", "costs", "overfitting", "regularization_path", "vanishing_gradients"]
    assert {"chain_rule", "softmax"} <= set(printed[1].split())
