"""The samples and the recorded path of the experiment linear_regression."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gradexp.data import LinearData
from tests.run_folder import checkpoint

Array = npt.NDArray[np.float64]

LR = 0.01
FEW_STEPS = ("+experiment=linear_regression", "trainer.max_epochs=1", "data.repeat=50")


def samples() -> tuple[Array, Array]:
    """Inputs with a column of ones [samples, 2], and targets [samples]."""
    inputs, targets = LinearData().tensors("train")
    design = np.hstack([inputs.double().numpy(), np.ones((len(inputs), 1))])
    return design, targets.double().numpy()[:, 0]


def path_of(folder: Path) -> Array:
    path: Array = checkpoint(folder)["callbacks"]["LeastSquaresReport"]["points"].double().numpy()
    return path
