"""The results of settings on each sample of a common test set."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradexp.reports.correct_samples import Correct, read_correct
from gradexp.sweeps.report.comparison.settings import RunSetting
from gradexp.verdicts.proportion import mcnemar_variance

ACCURACY = "test/accuracy"
ROUNDING = 1e-5  # of an accuracy in single precision


class TestSamples:
    """Which test samples the runs of a setting had right.

    Args:
        setting: The setting.
    """

    __test__ = False  # not a test, though its name begins so

    def __init__(self, setting: RunSetting) -> None:
        self._jobs = [job for job in setting.jobs.values() if job.status == "completed" and ACCURACY in job.metrics]

    @cached_property
    def shares(self) -> tuple[str, NDArray[np.float64]] | None:
        """The test set, and of each of its samples the share of the runs that had it right [samples].

        None if a run has no record, or that of another test than its accuracy is of, or the test sets differ.
        """
        found: list[Correct] = []
        for job in self._jobs:
            correct = read_correct(job.folder)
            if correct is None or abs(correct.right.mean() - job.metrics[ACCURACY]) > ROUNDING:
                return None
            found.append(correct)
        if len({(correct.test_set, len(correct.right)) for correct in found}) != 1:
            return None
        return found[0].test_set, np.mean([correct.right for correct in found], axis=0)

    def variance(self, other: "TestSamples") -> float | None:
        """The test set's part of the variance of the difference of two accuracies; None without a common test set."""
        if self.shares is None or other.shares is None:
            return None
        (one_set, one), (other_set, two) = self.shares, other.shares
        if one_set != other_set or len(one) != len(two):
            return None
        return mcnemar_variance(one, two)

    def difference(self, other: "TestSamples") -> float:
        """The difference of the mean accuracies; only where `variance` is not None."""
        assert self.shares is not None
        assert other.shares is not None
        return float(self.shares[1].mean() - other.shares[1].mean())
