"""Linear regression by gradient descent."""

from typing import Annotated, Unpack, final

from torch import nn

from gradexp.models.abstract_regressor import AbstractRegressor
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import COUNT, FINITE, or_null


@final
class LinearRegression(AbstractRegressor):
    """``outputs = weight x + bias``; the loss is the mean squared error.

    In scikit-learn's terms, for n samples and one target: LinearRegression with no penalty; Ridge(alpha = n * l2);
    Lasso(alpha = l1 / 2), as the lasso halves the squared error. With k targets both alphas are k times as large.

    Args:
        in_features: Numbers in a sample.
        num_targets: Real numbers in a target.
        bias: Also learn a bias.
        initial_weight: Initial value of all weights and biases; None for torch's default initialisation.
        options: See ObjectiveOptions.
    """

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_targets: Annotated[int, COUNT] = 1,
        bias: bool = True,
        initial_weight: Annotated[float | None, or_null(FINITE)] = None,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        network = nn.Linear(in_features, num_targets, bias)
        if initial_weight is not None:
            for parameter in network.parameters():
                nn.init.constant_(parameter, initial_weight)
        super().__init__(network, num_targets, **options)
        self.save_hyperparameters()
