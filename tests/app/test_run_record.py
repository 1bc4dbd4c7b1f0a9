"""The record of a run: its files name the configuration that ran; the requested one identifies jobs of a sweep."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ReadonlyConfigError
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from gradexp import Result, compose, run
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks import TASKS, Outcome
from gradexp.configuration.hashes import asked_hash, config_hash
from gradexp.configuration.values import changed, plain
from gradexp.configuration.yaml_text import as_markdown
from tests.command_line import call
from tests.run_folder import checkpoint, events
from tests.sweeps.small import SMALL, UNREPORTED, jobs, metrics, table

pytestmark = pytest.mark.slow

SHORT = ("model.hidden=[4]", "trainer.max_epochs=1", "figures=false")
REGRESSOR = "gradexp.models.MLPRegressor"


def saved(folder: Path, name: str = ".hydra") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / name / "config.yaml").read_text())
    return content


def hparams(folder: Path) -> dict[str, Any]:
    """The settings in the HPARAMS tab."""
    metadata = events(folder).summary_metadata["_hparams_/session_start_info"]
    values = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info.hparams
    return {name: getattr(value, str(value.WhichOneof("kind"))) for name, value in values.items()}


def assert_agree(result: Result, record: str = ".hydra") -> DictConfig:
    """Check that the files of a training run agree, and return the configuration that ran."""
    ran = saved(result.folder, record)
    assert checkpoint(result.folder)["config"] == ran
    cfg = DictConfig(OmegaConf.create(ran))
    assert json.loads((result.folder / "metrics.json").read_text()) == result.metrics
    assert result.metrics["config_hash"] == config_hash(cfg)
    assert result.metrics["monitor"] == cfg.monitor
    assert cfg.monitor in result.metrics
    shown = hparams(result.folder)
    assert shown["model"] == cfg.model._target_.rpartition(".")[2]
    assert (shown["lr"], shown["max_epochs"]) == (cfg.optimizer.lr, cfg.trainer.max_epochs)
    return cfg


@pytest.mark.parametrize(
    ("overrides", "monitor"), [((), "val/loss"), (("data.val_size=0",), "train/loss")], ids=["", "no validation part"]
)
def test_all_files_of_a_run_name_the_configuration_that_ran(overrides: tuple[str, ...], monitor: str) -> None:
    typed = ("data=diabetes", *SHORT, *overrides)
    result = run(*typed)
    cfg = assert_agree(result)
    assert checkpoint(result.folder, "best")["config"] == plain(cfg)
    assert (cfg.model._target_, cfg.monitor) == (REGRESSOR, monitor)
    requested = compose(*typed)
    changes = {"monitor": monitor, "monitor_mode": "min", "model": {**plain(cfg)["model"]}}
    assert plain(changed(requested, changes)) == plain(cfg), "nothing else was changed"
    assert result.metrics["asked_hash"] == asked_hash(requested) != result.metrics["config_hash"]
    assert not (result.folder / ".hydra" / "hydra.yaml").read_text().count(REGRESSOR)
    assert yaml.safe_load((result.folder / ".hydra" / "overrides.yaml").read_text()) == list(typed)


def test_a_resumed_run_adds_its_own_record() -> None:
    first = run("data=diabetes", *SHORT)
    before = saved(first.folder)
    again = run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "trainer.max_epochs=2", "figures=false")
    assert again.folder == first.folder
    (record,) = (first.folder / ".hydra").glob("resumed_*")
    assert {path.name for path in record.iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert saved(first.folder) == before, "the first record stays"
    cfg = assert_agree(again, f".hydra/{record.name}")
    assert (cfg.model._target_, cfg.monitor, cfg.trainer.max_epochs) == (REGRESSOR, "val/loss", 2)


def test_a_run_resumed_in_another_folder_writes_its_record_there() -> None:
    run(*SHORT, "hydra.run.dir=first")
    moved = run(
        "ckpt_path=first/checkpoints/last.ckpt", "trainer.max_epochs=2", "figures=false", "hydra.run.dir=second"
    )
    assert_agree(moved)
    assert not list(Path("first/.hydra").glob("resumed_*"))


def test_the_record_equals_the_files_that_hydra_writes() -> None:
    result = run("data=blobs", *SHORT, "monitor_mode=max", "hydra.output_subdir=hydras_own")
    for name in ("config.yaml", "overrides.yaml", "hydra.yaml"):
        # libyaml, which writes ours, folds long texts elsewhere.
        ours, hydras = (yaml.safe_load((result.folder / at / name).read_text()) for at in (".hydra", "hydras_own"))
        assert ours == hydras, name


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("data=table", "data.path=nowhere.csv", "data.target=price"), "nowhere.csv"),
        (("data=diabetes", "model=softmax_regression"), "model must predict numbers"),
    ],
    ids=["no data", "another kind of model"],
)
def test_a_run_that_fails_before_its_first_step_records_the_requested_configuration(
    overrides: tuple[str, ...], words: str
) -> None:
    Path("failed").mkdir()  # else the attempt would remove it
    with pytest.raises(ValueError, match=words):
        run(*overrides, "hydra.run.dir=failed")
    assert saved(Path("failed")) == plain(compose(*overrides))
    assert yaml.safe_load(Path("failed/.hydra/overrides.yaml").read_text()) == list(overrides)
    recorded = json.loads(Path("failed/metrics.json").read_text())
    assert recorded["status"] == "failed"
    assert words in recorded["reason"]


def test_a_failed_attempt_does_not_change_the_record_of_a_completed_run() -> None:
    done = run(*SHORT, "hydra.run.dir=done")
    with pytest.raises(ValueError, match="model must predict numbers"):
        run("data=diabetes", "model=softmax_regression", "hydra.run.dir=done")
    assert_agree(done)


@pytest.mark.parametrize(
    ("overrides", "key", "value"),
    [
        (("task=audit", "data=diabetes"), "model._target_", REGRESSOR),
        (("task=bias_variance", "data=diabetes", "resampling.copies=2"), "monitor", "val/error"),
        (("task=explain", "topic=softmax"), "topic", "softmax"),
    ],
)
def test_each_task_records_the_configuration_that_ran(overrides: tuple[str, ...], key: str, value: str) -> None:
    short = () if "task=explain" in overrides else SHORT
    result = run(*overrides, *short)
    cfg = DictConfig(OmegaConf.create(saved(result.folder)))
    assert OmegaConf.select(cfg, key) == value
    assert result.metrics["config_hash"] == config_hash(cfg)


@pytest.mark.parametrize("task", ["test", "predict", "audit"])
def test_a_task_on_a_checkpoint_records_the_checkpoints_configuration(task: str) -> None:
    trained = run("data=diabetes", *SHORT)
    result = run(f"task={task}", f"ckpt_path={trained.folder}/checkpoints/best.ckpt", "figures=false")
    cfg = DictConfig(OmegaConf.create(saved(result.folder)))
    assert (cfg.task, cfg.model._target_, cfg.monitor) == (task, REGRESSOR, "val/loss")
    assert result.metrics["config_hash"] == config_hash(cfg) == trained.metrics["config_hash"]


def test_a_report_does_not_change_the_runs_record() -> None:
    trained = run("data=diabetes", *SHORT)
    before = {path: path.read_bytes() for path in (trained.folder / ".hydra").rglob("*")}
    run("task=report", f"sweep_dir={trained.folder}")
    assert {path: path.read_bytes() for path in (trained.folder / ".hydra").rglob("*")} == before


def test_a_task_cannot_change_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def assign(cfg: DictConfig, record: RunRecord, console: Any) -> Outcome:
        cfg.optimizer.lr = 1.0
        raise AssertionError("the assignment passed")

    trained = run(*SHORT)
    monkeypatch.setitem(TASKS, "train", assign)
    checkpointed = f"ckpt_path={trained.folder}/checkpoints/last.ckpt"
    for typed in ((), ("figures=false",), (checkpointed,), (checkpointed, "figures=false")):
        with pytest.raises(ReadonlyConfigError):
            run(*typed, "hydra.run.dir=stopped")


def test_changed_returns_a_new_read_only_configuration() -> None:
    cfg = compose()
    before = plain(cfg)
    new = changed(cfg, {"trainer.devices": 3, "model": {"_target_": REGRESSOR}})
    assert plain(cfg) == before
    assert (new.trainer.devices, plain(new)["model"]) == (3, {"_target_": REGRESSOR})
    assert plain(new) == before | {"trainer": before["trainer"] | {"devices": 3}, "model": {"_target_": REGRESSOR}}
    with pytest.raises(ReadonlyConfigError):
        new.trainer.devices = 1


def test_a_sweep_identifies_jobs_by_the_requested_configuration_and_reports_what_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *SMALL, "data=diabetes", "data.repeat=5", "seed=0,1") is None
    content = json.loads(Path("sweep/manifest.json").read_text())
    assert content["base"]["model._target_"] == "gradexp.models.MLPClassifier", "as requested"
    for number, (key, job) in enumerate(content["jobs"].items()):
        recorded = metrics(number)
        ran = DictConfig(OmegaConf.create(saved(Path("sweep", str(number)))))
        assert key == recorded["asked_hash"] == asked_hash(compose(*job["overrides"]))
        assert recorded["config_hash"] == config_hash(ran) != key
        assert str(ran.model._target_) == "gradexp.models.MLPRegressor"
        shown = hparams(Path("sweep", str(number)))
        assert shown.keys() == {"experiment", "seed", "data", "hidden", "batch_size", "max_epochs"}
        assert (shown["experiment"], shown["seed"], shown["data"]) == ("default", number, "diabetes")
    for row in table():
        assert (row["model._target_"], row["monitor"]) == (REGRESSOR, "val/loss")
    capsys.readouterr()
    assert call(monkeypatch, "-m", UNREPORTED, "sweep.resume=sweep") is None
    assert "jobs: 2 (2 done before)" in capsys.readouterr().out
    assert len(jobs()) == 2


def test_another_sweeper_identifies_jobs_by_the_requested_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("-m", "hydra/sweeper=basic", "data=diabetes", "data.repeat=5", *SHORT, "hydra.sweep.dir=plain")

    def end_times() -> list[int]:
        return [Path("plain", str(number), "metrics.json").stat().st_mtime_ns for number in (0, 1)]

    assert call(monkeypatch, *typed, "seed=0,1") is None
    first = end_times()
    assert call(monkeypatch, *typed, "seed=0,2") is None
    second = end_times()
    assert (second[0] == first[0], second[1] == first[1]) == (True, False), "only the new job was run"
    with Path("plain/sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["model._target_"]) for row in rows] == [("0", REGRESSOR), ("2", REGRESSOR)]


def test_the_configuration_in_tensorboard_is_code_whatever_is_in_it() -> None:
    for text in ("a: 1\n", "a: '\n```\n[x](http://y)\n'\n", "a: ````````\n"):
        shown = as_markdown(text)
        fence = shown.partition("yaml\n")[0]
        assert set(fence) == {"`"}
        assert shown == f"{fence}yaml\n{text}{fence}"
        assert fence not in text
