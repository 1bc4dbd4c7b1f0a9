"""The error with which a sweep ends."""

from pathlib import Path

import pytest

from gradexp.files import write_json
from gradexp.sweeps.launch.sweep_folder import _first_reason
from gradexp.sweeps.plan.manifest import PlannedJob


@pytest.mark.parametrize("reason", ["it is short", "Leave it out, or train anew.", "got 2. Did you mean 3?"])
def test_the_reason_of_a_job_ends_with_one_full_stop(reason: str, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    write_json(tmp_path / "0/metrics.json", {"status": "failed", "reason": reason})
    told = _first_reason(tmp_path, [PlannedJob("0", "grid", [], {})])
    assert told == f"Job 0: {reason}{'' if reason.endswith(('.', '?')) else '.'} "
