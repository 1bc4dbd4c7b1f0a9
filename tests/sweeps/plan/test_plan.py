"""From a command to its jobs: configurations equal Hydra's, each job occurs once, without settings of the sweep."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from gradexp.app.composer import Composer
from gradexp.app.composition import compose
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.hashes import config_hash
from tests.command_line import call
from tests.hydra_jobs import Compose, composing, content
from tests.sweeps.dry_run import listed
from tests.sweeps.small import SMALL, UNREPORTED, jobs, metrics

pytestmark = pytest.mark.slow

SAME_AS_HYDRAS: list[list[str]] = [
    [],
    ["optimizer.lr=0.1"],
    ["optimizer=sgd", "optimizer.lr=0.5"],
    ["optimizer.lr=0.5", "optimizer=sgd"],
    ["seed=3", "seed=4"],
    ["optimizer.amsgrad=true", "optimizer.lr=0.1"],
    ["optimizer._target_=torch.optim.NAdam", "optimizer.lr=0.1"],
    ["model.hidden=[]"],
    ["model.hidden=[5,6]", "optimizer.betas=[0.5,0.6]"],
    ["data.batch_size=null", "test=false", "figures=true"],
    ["data=xor", "model=logistic_regression", "regularizer=l1", "scheduler=step"],
    ["+experiment=xor"],
    ["+experiment=digits", "optimizer=sgd", "optimizer.lr=1e-2"],
    ["+experiment=linear_regression", "data.true_weight=[1.0,2.0]"],
    ["+experiment=minibatch", "~callbacks.cost_curve"],
    ["+sweep=benchmark", "sweep.final.seeds=[7,8]", "sweep.zip=[seed,optimizer]"],
    ["early_stopping={patience:3}"],
    ["early_stopping={patience:3,min_delta:0.5}", "early_stopping.patience=4"],
    ["+callbacks.mine={_target_:x.Y,p:{q:[1,{r:null}]}}", "callbacks.mine.p.q=[2]"],
    ["+callbacks.mine._target_=x.Y", "+callbacks.mine.p=1", "callbacks.mine.p=2"],
    ["++trainer.max_epochs=3"],
    ["++callbacks.mine.p=3"],
    ["~trainer.deterministic"],
    ["~augmentation"],
    ["seed=${trainer.max_epochs}", "trainer.max_epochs=7"],
    ["name=${task}-${seed}", "seed=5"],
    ["name='a b, \\'c\\' = \"d\"'"],
    ["data_dir=null", "monitor=val/loss", "target_score=-.5"],
    ["early_stopping.min_delta=inf"],
    ["+sweep.axes={seed:[1,2],optimizer.lr:{optimizer:{adam:[1]}}}"],
    ["+sweep.axes.seed=[1,2]"],
]


@pytest.fixture
def composers() -> Iterator[tuple[Composer, Compose]]:
    with composing() as both:
        yield both


def identity(cfg: DictConfig) -> str:
    return config_hash(OmegaConf.masked_copy(cfg, [str(k) for k in cfg if k != "hydra"]))


def test_the_composers_configurations_equal_hydras(composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    by_hydra = [(overrides, compose_by_hydra(overrides)) for overrides in SAME_AS_HYDRAS]
    # Twice, because values of one job must not appear in the next job.
    for overrides, expected in [*by_hydra, *reversed(by_hydra)]:
        composed = composer(overrides)
        assert content(composed) == content(expected), overrides
        assert list(composed) == [key for key in expected if key != "hydra"], overrides
        if "~augmentation" not in overrides and "++callbacks.mine.p=3" not in overrides:
            assert identity(composed) == identity(expected), overrides


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.max_epochs=5", "++trainer.max_epochs=3"],
        ["trainer.deterministic=false", "~trainer.deterministic"],
    ],
    ids=str,
)
def test_overrides_of_one_key_apply_in_typed_order(overrides: list[str], composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    assert content(composer(overrides)) == content(compose_by_hydra(overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizr.lr=1"],
        ["optimizer.lr.r=1"],
        ["trainer.max_epoch=1"],
        ["optimizer=sdg"],
        ["+seed=1"],
        ["~nothing"],
        ["seed.a=1"],
    ],
)
def test_the_composer_raises_the_errors_of_hydra(overrides: list[str], composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    with pytest.raises(HydraException) as ours:
        composer(overrides)
    with pytest.raises(HydraException) as theirs:
        compose_by_hydra(overrides)
    assert str(ours.value) == str(theirs.value)


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
    rest = ("sweep.zip=[seed,optimizer.lr]", "monitor=train/loss")
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


def test_settings_of_the_machine_can_be_an_axis(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = (*SMALL, "trainer.accelerator=cpu,auto", "data=xor", "monitor=train/loss")
    assert call(monkeypatch, *typed) is None
    assert [job["settings"] for job in jobs()] == [{"trainer.accelerator": "cpu"}, {"trainer.accelerator": "auto"}]
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
