"""gradexp's own sweeper and launchers, for Hydra."""

from gradexp.app.vectorized.launcher import VectorizedLauncher
from gradexp.sweeps.launch.grid_sweeper import GridSweeper
from gradexp.sweeps.launch.jobs import BasicLauncher

OWN_PLUGINS = (GridSweeper, BasicLauncher, VectorizedLauncher)
