"""How jobs are started: the sweeper, launchers, cores and GPUs."""
