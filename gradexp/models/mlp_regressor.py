"""The multi-layer perceptron that predicts real numbers."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Unpack, final

from gradexp.models.abstract_module import ADAM
from gradexp.models.abstract_regressor import AbstractRegressor
from gradexp.models.layers import multi_layer_perceptron
from gradexp.objective.objective import ObjectiveOptions
from gradexp.rules import ACTIVATION, COUNT, FRACTION, HIDDEN, INIT


@final
class MLPRegressor(AbstractRegressor):
    """Linear layers with activations in between, from features to real numbers; the default loss is the MSE.

    Args:
        in_features: Numbers in a sample; samples of any shape are flattened.
        num_targets: Real numbers in a target.
        hidden, activation, init, dropout, input_dropout, batch_norm: See multi_layer_perceptron.
        options: See ObjectiveOptions.
    """

    defaults: ClassVar[ObjectiveOptions] = {**AbstractRegressor.defaults, "optimizer": ADAM}

    def __init__(
        self,
        in_features: Annotated[int, COUNT],
        num_targets: Annotated[int, COUNT] = 1,
        hidden: Annotated[Sequence[int], HIDDEN] = (200, 200),
        activation: Annotated[str, ACTIVATION] = "relu",
        init: Annotated[str, INIT] = "default",
        dropout: Annotated[float, FRACTION] = 0.0,
        input_dropout: Annotated[float, FRACTION] = 0.0,
        batch_norm: bool = False,
        **options: Unpack[ObjectiveOptions],
    ) -> None:
        packages = options.get("trusted_packages", ())
        network = multi_layer_perceptron(
            in_features, num_targets, hidden, activation, None, init, dropout, input_dropout, batch_norm, packages
        )
        super().__init__(network, num_targets, **options)
        self.save_hyperparameters()
