"""A sweep on a real SLURM with one node: this machine, with a controller and a daemon that the test starts."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.command_line import call
from tests.sweeps.launch.conftest import SWEEP, Rows, rows
from tests.sweeps.launch.witness import WITNESS, sightings
from tests.sweeps.small import UNREPORTED
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.server]

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

PATIENCE = 300  # seconds a test may take


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """munged, slurmctld and slurmd, in a temporary folder."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "srun") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"SLURM's daemons need root and slurm-wlm, munge; missing: {', '.join(missing) or 'root'}")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    folder.chmod(0o755)
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    conf = folder / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    conf.write_text(CONF.format(folder=folder, host=host, cores=os.cpu_count(), ports=free_ports()))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
    munge = [f"--key-file={key}", *(f"--{name}={folder / file}" for name, file in files.items())]
    commands = [["munged", "--force", "--foreground", *munge], ["slurmctld", "-D"], ["slurmd", "-D"]]
    started = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as log:
                started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
            time.sleep(1)
        if not eventually(lambda: output_of(environment, "sinfo", "-h", "-o", "%t") == "idle", 30):
            logs = "; ".join((folder / f"{command[0]}.out").read_text()[-200:] for command in commands)
            pytest.skip(f"SLURM did not start: {logs}")
        yield folder
    finally:
        output_of(environment, "scancel", "--user=root")
        # Otherwise processes of jobs outlive the daemons.
        eventually(lambda: not output_of(environment, "squeue", "-h"), 20)
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=60)


@pytest.fixture
def slurm(daemons: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SLURM_CONF", str(daemons / "slurm.conf"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # the preset's value is tested

    def on_timeout(*arguments: Any) -> None:
        raise TimeoutError(f"SLURM lost a job: {(daemons / 'slurmctld.log').read_text()[-500:]}")

    before = signal.signal(signal.SIGALRM, on_timeout)  # submitit waits forever for a lost job
    signal.alarm(PATIENCE)
    yield daemons
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in (one, other)]


def output_of(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60).stdout.strip()


SMALL = ("hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1")


def test_slurm_gives_the_same_table_as_the_basic_launcher(
    monkeypatch: pytest.MonkeyPatch, slurm: Path, on_basic: Rows
) -> None:
    assert call(monkeypatch, *SWEEP, *SMALL) is None
    assert rows() == on_basic
    assert [line["threads"] for job in range(2) for line in sightings(job)] == [1, 1]
    log = slurm / "slurmctld.log"  # SLURM records the end a little after submitit, which sees the result file
    assert eventually(lambda: log.read_text().count("WEXITSTATUS 0") == 2, 30), "each job of the sweep was a SLURM job"


def test_a_job_that_exceeds_its_time_resumes_from_its_last_checkpoint(
    monkeypatch: pytest.MonkeyPatch, slurm: Path
) -> None:
    """Sends SLURM's signal before the time limit, but skips the two minutes for which SLURM holds a requeued job."""
    long = ("-m", UNREPORTED, "seed=0", "model.hidden=[8]", "trainer.max_epochs=50", *WITNESS)
    environment = dict(os.environ)
    replies: list[str] = []

    written: set[int] = set()

    def mtimes(path: Path) -> int:
        written.add(path.stat().st_mtime_ns)
        return len(written)

    def exceed_time_limit() -> None:
        checkpoint = Path("cut/0/checkpoints/last.ckpt").absolute()
        # Not the first one: it may be of step 0.
        if eventually(checkpoint.exists, 120) and eventually(lambda: mtimes(checkpoint) > 3, 60):
            job = output_of(environment, "squeue", "-h", "-o", "%i")
            output_of(environment, "scancel", "--signal=USR2", job)
            if eventually(lambda: output_of(environment, "squeue", "-h", "-o", "%T") == "PENDING", 30):
                time.sleep(3)  # SLURM refuses the credential of a job that restarts in the same second
                replies.append(output_of(environment, "scontrol", "update", f"JobId={job}", "StartTime=now"))

    clock = threading.Thread(target=exceed_time_limit)
    clock.start()
    assert call(monkeypatch, *long, *SMALL, "hydra.sweep.dir=cut") is None
    clock.join()
    assert replies == [""]
    first, second = (int(line["step"]) for line in sightings(0, Path("cut")))
    assert first == 0
    assert 0 < second < int(rows(Path("cut"))[0]["steps"])
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert call(monkeypatch, *long, "hydra.sweep.dir=whole") is None
    finally:
        torch.set_num_threads(before)
    assert rows(Path("cut")) == rows(Path("whole"))
