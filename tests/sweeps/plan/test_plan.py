"""From a command to its jobs: each job occurs once, without settings of the sweep."""

import itertools
import json
from pathlib import Path

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from gradexp.app.composition import compose
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.hashes import config_hash
from tests.command_line import call
from tests.sweeps.dry_run import listed
from tests.sweeps.small import SMALL, UNREPORTED, jobs, metrics

pytestmark = pytest.mark.slow


def test_values_of_every_type_can_be_axes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        {"data.batch_size": ["null", "32"], "test": ["true", "false"], "model.hidden": ["[4]", "[]", "[5,6]"]},
        {
            "scheduler": ["none", "cosine"],
            "+trainer.limit_train_batches": ["1", "0.5"],
            "target_score": ["0.5", "1e-3"],
        },
    ]
    shown = {"1e-3": "0.001"}
    for typed in commands:
        expected = [
            " ".join(f"{key.lstrip('+')}={shown.get(value, value)}" for key, value in zip(typed, values, strict=True))
            for values in itertools.product(*typed.values())
        ]
        command = [f"{key}={','.join(values)}" for key, values in typed.items()]
        assert listed(monkeypatch, capsys, *command) == expected


def test_strings_with_special_characters_reach_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ["two words", """it's "so", a=b\\""", "null", "[x] {y} ümlaut"]
    typed = ["'two words'", """'it\\'s "so", a=b\\\\'""", "'null'", "'[x] {y} ümlaut'"]
    assert call(monkeypatch, *SMALL, "trainer.max_epochs=1", f"data_dir={','.join(typed)}") is None
    assert [job["settings"]["data_dir"] for job in jobs()] == values
    for number, value in enumerate(values):
        assert yaml.safe_load(Path("sweep", str(number), ".hydra", "config.yaml").read_text())["data_dir"] == value
        assert metrics(number)["status"] == "completed"


def test_axes_can_be_set_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = "+sweep.axes={seed:[0,1],optimizer:[sgd,adam],optimizer.lr:{optimizer:{sgd:[0.1,0.2],adam:[0.3]}}}"
    assert listed(monkeypatch, capsys, written) == [
        "seed=0 optimizer=sgd optimizer.lr=0.1",
        "seed=0 optimizer=sgd optimizer.lr=0.2",
        "seed=0 optimizer=adam optimizer.lr=0.3",
        "seed=1 optimizer=sgd optimizer.lr=0.1",
        "seed=1 optimizer=sgd optimizer.lr=0.2",
        "seed=1 optimizer=adam optimizer.lr=0.3",
    ]
    assert listed(monkeypatch, capsys, "+sweep.axes={seed:[0,1,2]}", "seed=7,8") == ["seed=7", "seed=8"]
    assert listed(monkeypatch, capsys, "+sweep.axes.seed=[0,1,2]") == ["seed=0", "seed=1", "seed=2"]
    assert listed(monkeypatch, capsys, "seed=1") == [""]


def test_zip_joins_typed_and_configured_axes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = ("+sweep.axes={seed:[5,6]}", "optimizer.lr=0.1,0.2", "sweep.zip=[[seed,optimizer.lr]]", "test=true,false")
    assert sorted(" ".join(sorted(job.split())) for job in listed(monkeypatch, capsys, *pairs)) == [
        f"optimizer.lr={rate} seed={seed} test={test}"
        for (rate, seed), test in itertools.product([("0.1", 5), ("0.2", 6)], ("false", "true"))
    ]


def test_a_learning_rate_grid_depends_on_the_optimizer_of_the_experiment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = yaml.safe_load((CONF_DIR / "sweep" / "learning_rate.yaml").read_text())["axes"]["optimizer.lr"]["optimizer"]
    for experiment, optimizer in (("linear_regression", "sgd"), ("digits", "adamw")):
        assert listed(monkeypatch, capsys, "+sweep=learning_rate", f"+experiment={experiment}") == [
            f"optimizer.lr={rate}" for rate in grid[optimizer]
        ]
    both = listed(monkeypatch, capsys, "+sweep=learning_rate", "+experiment=linear_regression,digits")
    assert both == [
        f"experiment={experiment} optimizer.lr={rate}"
        for experiment, optimizer in (("linear_regression", "sgd"), ("digits", "adamw"))
        for rate in grid[optimizer]
    ]


def test_experiments_can_be_an_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("+experiment=xor,linear_regression", "seed=0,1", "trainer.max_steps=100")
    assert call(monkeypatch, "-m", UNREPORTED, *typed, "trainer.max_epochs=1", "hydra.sweep.dir=sweep") is None
    assert [job["settings"] for job in jobs()] == [
        {"experiment": experiment, "seed": seed}
        for experiment, seed in itertools.product(("xor", "linear_regression"), (0, 1))
    ]
    saved = [yaml.safe_load(Path(f"sweep/{number}/.hydra/config.yaml").read_text()) for number in range(4)]
    assert [(cfg["name"], cfg["seed"]) for cfg in saved] == [
        ("xor", 0), ("xor", 1), ("linear_regression", 0), ("linear_regression", 1)
    ]  # fmt: skip
    assert [metrics(number)["status"] for number in range(4)] == ["completed"] * 4


def test_jobs_contain_no_settings_of_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("+sweep=seeds", "sweep.on_failure=stop", "seed=0,1", "optimizer.lr=0.1,0.2", "data=xor")
    rest = ("data.batch_size=4", "sweep.zip=[seed,optimizer.lr]", "monitor=train/loss")
    assert call(monkeypatch, *SMALL, *typed, *rest) is None
    manifest = json.loads(Path("sweep/manifest.json").read_text())
    assert len(manifest["jobs"]) == 2
    assert not [key for key in manifest["base"] if key.startswith(("sweep", "hydra"))]
    for key, job in manifest["jobs"].items():
        assert not [line for line in job["overrides"] if "sweep" in line]
        folder = Path("sweep", job["folder"])
        assert not [line for line in yaml.safe_load((folder / ".hydra/overrides.yaml").read_text()) if "sweep" in line]
        measured = metrics(int(job["folder"]))
        assert measured["asked_hash"] == key == config_hash(compose(*job["overrides"]))
        # The saved configuration is the one that ran.
        assert config_hash(DictConfig(OmegaConf.load(folder / ".hydra" / "config.yaml"))) == measured["config_hash"]


def test_checkpoints_can_be_an_axis_of_the_task_test(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *SMALL, "seed=0,1") is None
    files = [f"sweep/{number}/checkpoints/best.ckpt" for number in (0, 1)]
    assert (
        call(monkeypatch, "-m", UNREPORTED, "task=test", f"ckpt_path={','.join(files)}", "hydra.sweep.dir=tests")
        is None
    )
    assert [job["settings"] for job in jobs(Path("tests"))] == [{"ckpt_path": file} for file in files]
    for number in (0, 1):
        tested, trained = metrics(number, Path("tests")), metrics(number)
        assert tested["status"] == "completed"
        assert tested["test/accuracy"] == trained["test/accuracy"]
        assert tested["seed"] == number


@pytest.mark.parametrize("key", ["trainer", "trainer.accelerator"])
def test_settings_of_the_machine_can_be_an_axis(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = (*SMALL, f"{key}=cpu,auto", "data=xor", "data.batch_size=4", "monitor=train/loss")
    assert call(monkeypatch, *typed) is None
    assert [job["settings"] for job in jobs()] == [{key: "cpu"}, {key: "auto"}]
    assert [metrics(number)["status"] for number in (0, 1)] == ["completed"] * 2
    capsys.readouterr()
    assert call(monkeypatch, *typed) is None
    assert "jobs: 2 (2 done before)" in capsys.readouterr().out


def test_a_key_that_is_added_and_then_typed_again_has_its_last_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a single run."""
    compose("+trainer.limit_train_batches=1", "trainer.limit_train_batches=2")
    typed = ("+trainer.limit_train_batches=1", "trainer.limit_train_batches=2", "seed=0,1")
    assert listed(monkeypatch, capsys, *typed) == ["seed=0", "seed=1"]


def test_a_metric_can_be_an_axis_and_the_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    axis = "+metrics.mine._target_=torchmetrics.F1Score,torchmetrics.classification.MulticlassRecall"
    assert call(monkeypatch, *SMALL, axis, "monitor=val/mine", "hydra.sweep.dir=sweep") is None
    manifest = json.loads(Path("sweep/manifest.json").read_text())
    assert (manifest["monitor"], manifest["monitor_mode"]) == ("val/mine", "max")
    assert len(manifest["jobs"]) == 2


def test_a_preset_without_rates_for_a_class_gets_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("-m", "+sweep=learning_rate", "optimizer._target_=torch.optim.NAdam", "sweep.dry_run=true")
    message = str(call(monkeypatch, *typed))
    assert "sweep.axes.optimizer.lr has no values for a custom class, only for sgd, momentum" in message
    assert call(monkeypatch, *typed, "optimizer.lr=0.1,0.2") is None
