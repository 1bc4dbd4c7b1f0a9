"""The training objective and its optimization: losses, penalties and proximal steps, optimizers, schedules."""
