"""The conditions of a minimum hold at scikit-learn's solutions, and not beside them."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sklearn.linear_model import Lasso, LogisticRegression

from gradexp.app.assembly import build_data, build_model
from gradexp.app.composition import compose
from gradexp.callbacks import Optimality

L1 = 0.02


def violation(problem: str, solution: Any, *overrides: str, moved: float = 0.0) -> float:
    """Of a model with the weights of a solution, moved by a distance; `solution` fits all training samples."""
    cfg = compose(f"+problem={problem}", "optimizer=sgd", *overrides)
    data = build_data(cfg)
    data.setup("fit")
    inputs, targets = (part.double().numpy() for part in data.sample(10_000))
    solution.fit(inputs, targets.ravel())
    model = build_model(cfg, data)
    parameters = dict(model.network.named_parameters())
    with torch.no_grad():
        parameters["weight"].copy_(torch.tensor(solution.coef_ + moved).reshape(1, -1))
        parameters["bias"].copy_(torch.tensor(solution.intercept_).reshape(1))
    report = Optimality()
    report.on_fit_end(SimpleNamespace(datamodule=data), model)  # type: ignore[arg-type]
    return report.metrics["optimality/violation"]


@pytest.mark.parametrize("proximal", ["true", "false"])
def test_lasso(proximal: str) -> None:
    # scikit-learn halves the squared error.
    penalty = [f"regularizer.l1={L1}", f"regularizer.proximal={proximal}"]
    solution = Lasso(L1 / 2, tol=1e-10, max_iter=100_000)
    assert violation("lasso_linear", solution, *penalty) < 1e-5
    assert (solution.coef_ == 0).any()
    assert violation("lasso_linear", solution, *penalty, moved=0.01) > 1e-3
    assert violation("lasso_linear", solution) == pytest.approx(L1, rel=1e-3), "the penalty is the only other force"


@pytest.mark.filterwarnings("ignore:.*penalty")  # scikit-learn 1.8 has renamed the argument
def test_l1_logistic_regression() -> None:
    solution = LogisticRegression(penalty="l1", C=1 / (L1 * 365), solver="saga", tol=1e-8, max_iter=100_000)
    assert violation("lasso_logistic", solution, f"regularizer.l1={L1}") < 1e-5
    assert violation("lasso_logistic", solution, f"regularizer.l1={2 * L1}") == pytest.approx(L1, rel=1e-3)
