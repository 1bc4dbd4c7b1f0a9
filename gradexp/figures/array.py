"""What figures are drawn from."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
