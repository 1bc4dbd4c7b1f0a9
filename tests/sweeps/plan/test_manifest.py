"""The manifest of a sweep, and which sweep owns a folder."""

import json
import re
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from lightning.pytorch import LightningModule, Trainer
from omegaconf import DictConfig, OmegaConf

from gradexp.configuration.hashes import config_hash
from gradexp.engine.step_seed import StepSeed
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch import grid_sweeper
from gradexp.sweeps.launch.command import make_plan
from gradexp.sweeps.plan.manifest import FORMAT, Manifest, PlannedJob, differences
from gradexp.sweeps.plan.plan import Plan
from tests.command_line import call
from tests.sweeps.small import REPORTED, RESUMED, SMALL, UNREPORTED, jobs, metrics, stamps, table

pytestmark = pytest.mark.slow

SHORT = (*SMALL, "trainer.max_epochs=1")
NEW = (*SMALL[:-1], "trainer.max_epochs=1")  # SHORT without hydra.sweep.dir


def test_a_manifest_is_read_as_it_was_written(own_folder: Path) -> None:
    settings: dict[str, Any] = {"optimizer": "sgd", "model.hidden": [4], "data.batch_size": None, "test": True}
    job = PlannedJob("0", "grid", ["optimizer=sgd", "name='ü \\' \"'"], settings)
    written = Manifest("a", "val/loss", "stop", ["x=1,2"], {"k": 1e-5, "l": [None]}, ["optimizer.lr"], {"ab": job})
    written.write(own_folder)
    assert Manifest.read(own_folder) == written
    assert Manifest.read(own_folder / "nowhere") is None
    assert [path.name for path in own_folder.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("other", ["none", 1, FORMAT + 1])
def test_a_manifest_of_another_format_is_refused_with_advice(
    other: int | str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Manifest("default", "val/accuracy", "continue", ["seed=0,1"], {}, []).write(Path("sweep"))
    content = json.loads(Path("sweep/manifest.json").read_text())
    written = {key: value for key, value in content.items() if key != "format"}
    Path("sweep/manifest.json").write_text(json.dumps(written if other == "none" else written | {"format": other}))
    before = stamps(Path("sweep"))
    for command in (RESUMED, ("task=report", "sweep_dir=sweep")):
        message = str(call(monkeypatch, *command))
        assert message.startswith(f"error: sweep/manifest.json must be of format {FORMAT}; got {other}. ")
        assert message.endswith("Run the sweep again, in another folder.")
    assert {name: stamp for name, stamp in stamps(Path("sweep")).items() if name != "sweep/gradexp.log"} == before


def test_new_jobs_get_the_next_folders_and_old_ones_keep_theirs() -> None:
    def job(folder: str = "", stage: str = "grid") -> PlannedJob:
        return PlannedJob(folder, stage, [], {})

    manifest = Manifest("a", "m", "continue", [], {}, [], {"x": job("3"), "y": job("10", "final")})
    manifest.add({"x": job(), "z": job()})
    assert {key: planned.folder for key, planned in manifest.jobs.items()} == {"x": "3", "y": "10", "z": "11"}
    manifest.add_finals({"w": job(stage="final")})
    assert {key: (planned.folder, planned.stage) for key, planned in manifest.jobs.items()} == {
        "x": ("3", "grid"), "y": ("10", "superseded"), "z": ("11", "grid"), "w": ("12", "final")
    }  # fmt: skip
    manifest.add_finals({"y": job(stage="final")})
    assert {key: planned.stage for key, planned in manifest.jobs.items() if planned.stage != "grid"} == {
        "y": "final", "w": "superseded"
    }  # fmt: skip


def test_differences_name_the_key_and_both_values() -> None:
    old, new = {"a": 1, "b": [1], "c": None, "d": 0}, {"a": 2, "b": [1], "d": 5, "e": "x"}
    # A key with the value null differs from an absent key.
    assert differences(old, new, {"d"}) == ["a was 1, is 2", "c was None, is absent", "e was absent, is x"]


@pytest.mark.parametrize(("was", "now"), [(1, 1.0), (1, True), (0, False)])
def test_equal_values_of_different_types_differ(was: Any, now: Any) -> None:
    assert differences({"a": was}, {"a": now}, set()) == [f"a was {was}, is {now}"]


def test_the_manifest_records_the_command_the_axes_the_base_and_every_job(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["model.hidden=[4]", "trainer.max_epochs=1", "optimizer=sgd,adam", "optimizer.lr=0.1,0.01"]
    assert call(monkeypatch, "-m", UNREPORTED, *typed, "hydra.sweep.dir=sweep") is None
    content = json.loads(Path("sweep/manifest.json").read_text())
    assert {"format", "name", "monitor", "command", "axes", "base", "jobs"} <= set(content)
    assert (content["format"], content["name"], content["monitor"]) == (FORMAT, "default", "val/accuracy")
    assert content["command"] == typed
    assert content["axes"] == ["optimizer", "optimizer.lr"]
    assert content["base"]["trainer.max_epochs"] == 1
    assert content["base"]["model.hidden"] == [4]
    assert content["base"]["optimizer.weight_decay"] == 0.0
    assert not {"optimizer.lr", "optimizer._target_", "optimizer.betas"} & set(content["base"])
    expected = [("sgd", 0.1), ("sgd", 0.01), ("adam", 0.1), ("adam", 0.01)]
    assert [tuple(job["settings"].values()) for job in jobs()] == expected
    for number, (key, job) in enumerate(content["jobs"].items()):
        assert (job["folder"], job["stage"]) == (str(number), "grid")
        assert re.fullmatch("[0-9a-f]{16}", key)
        saved = DictConfig(OmegaConf.load(Path("sweep", str(number), ".hydra", "config.yaml")))
        assert key == metrics(number)["asked_hash"]
        assert config_hash(saved) == metrics(number)["config_hash"]


def test_a_dry_run_of_an_extended_sweep_prints_the_jobs_states_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *REPORTED, "seed=0,1,2") is None
    Path("sweep/1/metrics.json").write_text('{"status": "failed", "reason": "the disk was full"}')
    Path("sweep/2/metrics.json").unlink()
    before = stamps(Path("sweep"))
    capsys.readouterr()
    assert call(monkeypatch, *REPORTED, "seed=0,1,2,3", "sweep.dry_run=true") is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        [str(seed), state, f"seed={seed}"]
        for seed, state in enumerate(("completed", "failed", "interrupted", "planned"))
    ]
    assert "jobs: 4 (1 done before, 1 repeated after a failure, 1 resumed, 1 to do)" in lines
    assert stamps(Path("sweep")) == before


@pytest.mark.parametrize(
    "jobs_part",
    [
        '{"x": 3}',
        '{"x": {"folder": "0"}}',
        '[{"folder": "0"}]',
    ],
)
def test_a_manifest_with_invalid_jobs_gets_one_message(jobs_part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Manifest("default", "val/accuracy", "continue", ["seed=0,1"], {}, []).write(Path("sweep"))
    content = json.loads(Path("sweep/manifest.json").read_text())
    Path("sweep/manifest.json").write_text(json.dumps(content | {"jobs": json.loads(jobs_part)}))
    before = stamps(Path("sweep"))
    message = call(monkeypatch, *RESUMED)
    assert isinstance(message, str)
    assert message.startswith("error: sweep/manifest.json must be ")
    assert stamps(Path("sweep")) == before


@pytest.mark.parametrize("folder", ["my sweeps/lr=0.1", "a,b", "it's", "[x]", "1e-3"])
def test_the_command_in_the_message_resumes_the_sweep(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quoted = folder.replace("'", "\\'")
    Path("a").mkdir()  # without images, so that the jobs fail
    typed = (*NEW, f"hydra.sweep.dir='{quoted}'", "data=image_folder", "data.path=a", "seed=0,1")
    message = call(monkeypatch, *typed)
    assert isinstance(message, str)
    command = shlex.split(message.partition("resumed by ")[2].strip())
    assert command[:3] == ["python", "-m", "gradexp"]
    capsys.readouterr()
    assert "2 of 2 jobs have no result (2 failed)" in str(call(monkeypatch, *command[3:]))
    assert "jobs: 2 (2 repeated after a failure)" in capsys.readouterr().out
    assert {path.parts[0] for path in Path().rglob("manifest.json")} == {Path(folder).parts[0]}


class FixedClock:
    """A clock that always gives the same time."""

    @staticmethod
    def now() -> "FixedClock":
        return FixedClock()

    def __format__(self, pattern: str) -> str:
        return "2026-01-02_03-04-05"


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "ended"])
def test_a_sweep_does_not_write_into_the_folder_of_another(is_running: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not the other sweep is still running, and whatever its jobs are."""
    monkeypatch.setattr("gradexp.app.resolvers.random_letters", lambda: "aaaa")
    monkeypatch.setattr("gradexp.app.resolvers.datetime", FixedClock)
    assert call(monkeypatch, *NEW, "seed=0,1") is None
    first = Path("outputs/sweeps/default/2026-01-02_03-04-05-aaaa")
    before = stamps(first)
    with FileLock(first / job_folder.LOCK) if is_running else FileLock("other"):
        assert call(monkeypatch, *NEW, "seed=1,2") is None
        assert call(monkeypatch, *NEW, "seed=0,1", "optimizer=sgd") is None
    changed = {name for name, stamp in stamps(first).items() if before.get(name) != stamp and ".lock" not in name}
    assert changed == set()
    others = [path for path in first.parent.iterdir() if path != first]
    second, third = sorted(others, key=lambda path: path.stat().st_ctime)
    assert [job["settings"] for job in jobs(second)] == [{"seed": 1}, {"seed": 2}]
    assert [row["status"] for row in table(second)] == ["completed"] * 2
    assert [job["settings"] for job in jobs(third)] == [{"seed": 0}, {"seed": 1}]


def test_jobs_that_another_process_adds_during_planning_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands extend one sweep at once; the second gets the folder just after the first has left it."""
    assert call(monkeypatch, *SHORT, "seed=0") is None
    other_metrics: list[dict[str, Any]] = []

    def plan(*arguments: Any) -> Plan:
        result = make_plan(*arguments)
        if not other_metrics:
            manifest = Manifest.read(Path("sweep"))
            assert manifest is not None
            manifest.add({"0123456789abcdef": PlannedJob("", "grid", ["seed=7"], {"seed": 7})})
            manifest.write(Path("sweep"))
            shutil.copytree("sweep/0", "sweep/1")
            other_metrics.append({"status": "completed", "monitor": "val/accuracy", "val/accuracy": 0.5, "seed": 7})
            Path("sweep/1/metrics.json").write_text(json.dumps(other_metrics[0]))
        return result

    monkeypatch.setattr(grid_sweeper, "make_plan", plan)
    assert call(monkeypatch, *SHORT, "seed=0,1") is None
    assert json.loads(Path("sweep/1/metrics.json").read_text()) == other_metrics[0]
    by_seed = {job["settings"].get("seed"): metrics(int(job["folder"]))["seed"] for job in jobs()}
    assert all(planned == computed for planned, computed in by_seed.items()), by_seed


def test_ctrl_c_ends_the_sweep_and_the_job_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that the user stopped does not count as failed."""
    before = signal.getsignal(signal.SIGINT)

    def stop(self: StepSeed, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StepSeed, "on_train_batch_start", stop)
        with pytest.raises(KeyboardInterrupt):
            call(patch, *SMALL, "seed=0,1")
    assert signal.getsignal(signal.SIGINT) == before, "Lightning would ignore Ctrl-C from now on"
    assert job_folder.state(Path("sweep/0")) == "interrupted"
    assert not Path("sweep/1").exists()
    capsys.readouterr()
    assert call(monkeypatch, *RESUMED) is None
    assert "jobs: 2 (1 resumed, 1 to do)" in capsys.readouterr().out
    assert [row["status"] for row in table()] == ["completed"] * 2
