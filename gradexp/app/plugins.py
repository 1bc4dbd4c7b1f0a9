"""gradexp's own sweepers and launchers, for Hydra."""

from gradexp.app.vectorized.launcher import VectorizedLauncher
from gradexp.sweeps.launch.grid_sweeper import GridSweeper
from gradexp.sweeps.launch.jobs import BasicLauncher
from gradexp.sweeps.launch.optuna_sweeper import OptunaSweeper

OWN_PLUGINS = (GridSweeper, OptunaSweeper, BasicLauncher, VectorizedLauncher)
