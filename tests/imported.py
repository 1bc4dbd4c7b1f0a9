"""Imports what a run needs, in the process from which others are forked."""

from gradexp.app.importing import importing

with importing():
    import sklearn.datasets  # noqa: F401
    import torch._dynamo  # noqa: F401  # imported by the first optimizer

    import gradexp.app.command_line
    import gradexp.app.tasks.train
    import gradexp.sweeps.report.write_report  # noqa: F401
