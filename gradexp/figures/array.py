"""The type of the arrays that figures draw."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
