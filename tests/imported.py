"""Imports what a run needs, in the process from which others are forked."""

import atexit
import gc

gc.disable()

import sklearn.datasets  # noqa: E402, F401
import torch._dynamo  # noqa: E402, F401  # imported by the first optimizer

import gradexp.app.command_line  # noqa: E402
import gradexp.app.tasks.train  # noqa: E402
import gradexp.sweeps.report.write_report  # noqa: E402, F401

gc.freeze()
gc.enable()
atexit.register(gc.unfreeze)  # otherwise C libraries report leaks
