"""A sweep on Ray: on one machine, and on a real cluster of two nodes that both run on this machine."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradexp.app.command_line import cli
from tests.command_line import call
from tests.sweeps.launch.conftest import SWEEP, Rows, rows
from tests.sweeps.launch.witness import sightings
from tests.sweeps.small import UNREPORTED, metrics
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.server]

pytest.importorskip("hydra_plugins.hydra_ray_launcher")

# Statistics, and processes that wait for jobs of another kind.
NEEDLESS = (
    "RAY_USAGE_STATS_ENABLED",
    "RAY_enable_metrics_collection",
    "RAY_enable_open_telemetry",
    "RAY_enable_worker_prestart",
    "RAY_prestart_worker_first_driver",
)


@pytest.fixture
def environment() -> dict[str, str]:
    """For new processes, because Ray changes the process that starts it; with a token other than the user's."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("OMP_NUM_THREADS", "RAY_ADDRESS")}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    # Ray's workers run at niceness 15 by default: beside other tests they then wait for minutes.
    fair = {"RAY_worker_niceness": "0"}
    return inherited | token | fair | dict.fromkeys(NEEDLESS, "0") | {"PYTHONPATH": str(Path(__file__).parents[3])}


@pytest.fixture
def cluster(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Two nodes with one core each, started in another folder than the sweep's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    start = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
    start += ["--include-log-monitor=false", "--no-monitor"]  # they copy logs and add nodes
    head = ["--head", f"--port={address.rpartition(':')[2]}", "--include-dashboard=false"]
    nodes = []
    try:
        for number, options in enumerate((head, [f"--address={address}"])):
            log = elsewhere / f"{number}.log"
            with log.open("wb") as file:
                nodes.append(
                    subprocess.Popen([*start, *options], stdout=file, stderr=file, env=environment, cwd=elsewhere)
                )
            eventually(lambda log=log: "Ray runtime started" in log.read_text() or nodes[-1].poll() is not None, 120)  # type: ignore[misc]
            assert "Ray runtime started" in log.read_text(), log.read_text()[-2000:]
        yield environment | {"RAY_ADDRESS": address}
    finally:
        for node in reversed(nodes):
            node.terminate()
        for node in nodes:
            node.wait(timeout=60)


# Several sweeps in one process share the workers on Ray, which have imported torch.
RUN = "import sys; from tests.sweeps.launch.test_ray import run_all; run_all(*map(str.split, sys.argv[1:]))"


def run_all(*sweeps: list[str]) -> None:
    """Run the command lines one after the other; an error ends the process."""
    for line in sweeps:
        sys.argv = ["gradexp", *line]
        cli()


def sweep(environment: dict[str, str], *sweeps: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", RUN, *map(" ".join, sweeps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_ray_on_one_machine_gives_the_same_table_as_the_basic_launcher(
    environment: dict[str, str], on_basic: Rows
) -> None:
    # One worker for both jobs: each worker imports torch, 7 seconds.
    launcher = ("hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=1")
    sweep(environment | {"CUDA_VISIBLE_DEVICES": ""}, (*SWEEP, *launcher))
    assert rows() == on_basic
    assert [line["threads"] for job in range(2) for line in sightings(job)] == [1, 1]


def test_ray_on_two_nodes_gives_the_same_table_as_the_basic_launcher(
    cluster: dict[str, str], on_basic: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = ("-m", UNREPORTED, "seed=range(4)", "trainer.max_epochs=1", "hydra/launcher=vectorized")
    spread = ("hydra.launcher.inner=ray_cluster", "hydra.launcher.processes=2", "hydra.sweep.dir=stacks")
    sweep(cluster, (*SWEEP, "hydra/launcher=ray_cluster"), (*stacks, *spread))
    assert call(monkeypatch, *stacks, "hydra.launcher.inner=basic", "hydra.sweep.dir=one_process") is None
    for job in range(4):
        assert metrics(job, Path("stacks")) == metrics(job, Path("one_process"))
    assert rows() == on_basic
    seen = [line for job in range(2) for line in sightings(job)]
    assert len({line["node"] for line in seen}) == 2
    assert [line["threads"] for line in seen] == [1, 1]
