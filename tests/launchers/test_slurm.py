"""A sweep on a real SLURM: one node, this machine, with a controller and a daemon of the test's own."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import call
from tests.launchers.conftest import SWEEP, Rows, rows

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
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
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """munged, slurmctld and slurmd, in a folder of their own."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "srun") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"SLURM's daemons need root and slurm-wlm, munge; missing: {', '.join(missing) or 'root'}")
    folder = tmp_path / "slurm"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=socket.gethostname().partition(".")[0], cores=os.cpu_count()))
    monkeypatch.setenv("SLURM_CONF", str(conf))
    files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
    munge = [f"--key-file={key}", *(f"--{name}={folder / file}" for name, file in files.items())]
    daemons = [["munged", "--force", "--foreground", *munge], ["slurmctld", "-D"], ["slurmd", "-D"]]
    started = []
    for command in daemons:
        with (folder / f"{command[0]}.out").open("wb") as log:
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        time.sleep(1)
    try:
        for _ in range(30):
            state = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True).stdout.strip()
            if state == "idle":
                break
            time.sleep(1)
        else:
            told = "; ".join((folder / f"{command[0]}.out").read_text()[-200:] for command in daemons)
            pytest.skip(f"SLURM did not come up here: {state!r}; {told}")
        yield folder
    finally:
        subprocess.run(["scancel", "--user=root"], capture_output=True)
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_slurm_ends_in_the_same_table_as_the_basic_launcher(
    monkeypatch: pytest.MonkeyPatch, one_thread: None, slurm: Path, on_basic: Rows
) -> None:
    small = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1")
    assert call(monkeypatch, *SWEEP, "hydra/launcher=submitit_slurm", *small) is None
    assert rows() == on_basic
    for _ in range(30):  # SLURM hears of an end a little after submitit, which sees the result's file
        ended = (slurm / "slurmctld.log").read_text().count("WEXITSTATUS 0")
        if ended == 2:
            return
        time.sleep(1)
    pytest.fail(f"each of the 2 jobs of the sweep should be a job of SLURM's; {ended} were")
