"""Sweeps whose jobs are trained in stacks, many at once in one batched program."""
