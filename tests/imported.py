"""What a run imports, for a process from which others are forked."""

import gc

gc.disable()

import sklearn.datasets  # noqa: E402, F401
import torch._dynamo  # noqa: E402, F401  # of the first optimizer

import gradexp.app.command_line  # noqa: E402
import gradexp.app.tasks.train  # noqa: E402
import gradexp.sweeps.report.write_report  # noqa: E402, F401

gc.freeze()
gc.enable()
