"""Bias and variance against complexity: what a model cannot learn, and what it learns of the sample alone."""

from gradexp.sweeps.results import SweepResults
from gradexp.sweeps.studies.study import Study


def bias_variance(results: SweepResults) -> Study:
    """To come."""
    return Study()
