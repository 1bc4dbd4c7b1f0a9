"""A sweep on Ray: on this machine alone, and on a real cluster of two nodes, both on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.command_line import call
from tests.launchers.conftest import SWEEP, Rows, rows

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are many, and not ours to mend


@pytest.fixture(autouse=True)
def ray_ends() -> Iterator[None]:
    yield
    ray.shutdown()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two nodes with a core each."""
    command = [str(Path(sys.executable).with_name("ray"))]
    start = [*command, "start", "--num-cpus=1", "--disable-usage-stats"]
    head = [*start, "--head", "--port=26379", "--include-dashboard=false"]
    try:
        subprocess.run(head, check=True, capture_output=True, timeout=120)
        subprocess.run([*start, "--address=127.0.0.1:26379"], check=True, capture_output=True, timeout=120)
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:26379")
        yield
    finally:
        ray.shutdown()
        subprocess.run([*command, "stop", "--force"], capture_output=True, timeout=120)


def test_ray_on_one_machine_ends_in_the_same_table_as_the_basic_launcher(
    monkeypatch: pytest.MonkeyPatch, one_thread: None, on_basic: Rows
) -> None:
    assert call(monkeypatch, *SWEEP, "hydra/launcher=ray") is None
    assert rows() == on_basic


def test_ray_on_two_nodes_ends_in_the_same_table_as_the_basic_launcher(
    monkeypatch: pytest.MonkeyPatch, one_thread: None, cluster: None, on_basic: Rows
) -> None:
    assert call(monkeypatch, *SWEEP, "hydra/launcher=ray_cluster") is None
    assert rows() == on_basic
    nodes = [node for node in ray.nodes() if node["Alive"]]
    assert len(nodes) == 2
    # With a core a node and a core a job, two jobs at once are on both nodes.
    spans = sorted(
        (path.stat().st_mtime, Path(path.parent.parent, "metrics.json").stat().st_mtime)
        for path in Path("sweep").glob("*/.hydra/overrides.yaml")
    )
    assert any(later < end for (_, end), (later, _) in pairwise(spans)), "two jobs ran at once"
