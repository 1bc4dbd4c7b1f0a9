"""Hydra's sweeper for searches: trials proposed by Optuna, each judged by several seeds."""

from gradexp.sweeps.launch.planned_sweeper import PlannedSweeper, Work
from gradexp.sweeps.launch.search import Search
from gradexp.sweeps.plan.manifest import Manifest


class OptunaSweeper(PlannedSweeper):
    """Searches the space that a multirun's command spans; the section `search` says how.

    Args:
        direction: "minimize" or "maximize" the monitor; jobs check it before they train.
        params: None, as of GridSweeper.
    """

    def __init__(self, direction: str | None = None, params: None = None) -> None:
        super().__init__()

    def work_of(self, old: Manifest | None) -> type[Work]:
        if old is not None and old.search is None:
            raise ValueError("sweep.resume must be the folder of a search with hydra/sweeper=optuna; got a grid.")
        return Search
