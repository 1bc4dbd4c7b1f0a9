"""Linear regression by gradient descent."""

from collections.abc import Mapping
from typing import Any, final

from torch import nn

from gradexp.checks import check
from gradexp.models.abstract_module import SGD
from gradexp.models.abstract_regressor import AbstractRegressor


@final
class LinearRegression(AbstractRegressor):
    """``outputs = weight x + bias``; the loss is the mean squared error.

    In scikit-learn's terms, for n samples and one target: LinearRegression with no penalty; Ridge(alpha = n * l2); and,
    as the lasso halves its squared error, Lasso(alpha = l1 / 2). With k targets both alphas are k times as large.

    Args:
        in_features: Numbers in one sample.
        num_targets: Numbers to predict.
        bias: Learn a bias too.
        initial_weight: Where all weights and biases start; None for torch's own draw.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_targets: int = 1,
        bias: bool = True,
        initial_weight: float | None = None,
        optimizer: Mapping[str, Any] = SGD,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/loss",
        proximal: bool = False,
    ) -> None:
        check(in_features=in_features, num_targets=num_targets)
        check("model.", initial_weight=initial_weight)
        network = nn.Linear(in_features, num_targets, bias)
        if initial_weight is not None:
            for parameter in network.parameters():
                nn.init.constant_(parameter, initial_weight)
        super().__init__(network, num_targets, optimizer, scheduler, l1, l2, monitor, proximal)
        self.save_hyperparameters()
