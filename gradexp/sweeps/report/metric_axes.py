"""Axes of metrics with known bounds: one of accuracies ends at 1."""

import numpy as np
from matplotlib.axes import Axes

from gradexp.sweeps.report.ranking import bounds


def end_at_bounds(axes: Axes, metric: str, along: str = "y") -> None:
    """End an axis where its metric does, once all is drawn; a line that lies at the end is drawn whole.

    Args:
        axes: The panel.
        metric: Such as "val/accuracy"; an axis of one without bounds stays as it is.
        along: "x" or "y".
    """
    least, most = bounds(metric)
    if np.isinf([least, most]).all():
        return
    low, high = getattr(axes, f"get_{along}lim")()
    getattr(axes, f"set_{along}lim")(max(low, least), min(high, most))
    for line in axes.lines:
        values = np.asarray(getattr(line, f"get_{along}data")(), float)
        if line.get_transform().contains_branch(axes.transData) and not ((values < least) | (values > most)).any():
            line.set_clip_on(False)
