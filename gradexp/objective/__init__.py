"""What a step minimises, and how: losses, penalties and their proximal steps, optimizers, schedules."""
