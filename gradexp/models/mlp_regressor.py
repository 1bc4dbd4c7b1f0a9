"""The multi-layer perceptron that predicts real numbers by least squares."""

from collections.abc import Mapping, Sequence
from typing import Any, final

from gradexp.checks import Activation, Init, check
from gradexp.models.abstract_module import ADAM
from gradexp.models.abstract_regressor import AbstractRegressor
from gradexp.models.layers import multi_layer_perceptron


@final
class MLPRegressor(AbstractRegressor):
    """Linear layers with an activation between them, from features to real numbers.

    Args:
        in_features: Numbers in one sample; samples of any shape are flattened.
        num_targets: Numbers to predict.
        hidden, activation, init, dropout, input_dropout, batch_norm: See multi_layer_perceptron.
        optimizer, scheduler, l1, l2, monitor, proximal: See AbstractModule.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        in_features: int,
        num_targets: int = 1,
        hidden: Sequence[int] = (200, 200),
        activation: Activation = "relu",
        init: Init = "default",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        optimizer: Mapping[str, Any] = ADAM,
        scheduler: Mapping[str, Any] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        monitor: str = "val/loss",
        proximal: bool = False,
    ) -> None:
        check(num_targets=num_targets)
        network = multi_layer_perceptron(
            in_features, num_targets, hidden, activation, None, init, dropout, input_dropout, batch_norm
        )
        super().__init__(network, num_targets, optimizer, scheduler, l1, l2, monitor, proximal)
        self.save_hyperparameters()
