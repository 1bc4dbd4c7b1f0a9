"""What a step costs, from the metrics of jobs."""

import pytest

from gradexp.sweeps.report.scores.costs import costs
from tests.sweeps.report.comparison.jobs import job


def test_costs_are_means_of_what_was_measured() -> None:
    jobs = [
        job(0, {}, metrics={"seconds/fit": 2.0, "steps": 100, "bytes/optimizer_state": 80, "parameters": 10}),
        job(1, {}, metrics={"seconds/fit": 1.0, "steps": 10, "parameters": 10, "epochs/to_target": 3}),
        job(2, {}, status="diverged", metrics={"seconds/fit": 9.0, "steps": 1}),
        job(3, {}, metrics={"steps": 0, "seconds/fit": 1.0}),
    ]
    found = costs(jobs)
    assert found.seconds == pytest.approx((0.02 + 0.1) / 2)
    assert (found.state, found.epochs, found.reached) == (8.0, 3.0, 1)
    nothing = costs([job(0, {})])
    assert (nothing.seconds, nothing.state, nothing.epochs, nothing.reached) == (None, None, None, 0)
