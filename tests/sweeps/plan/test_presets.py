"""The presets in conf/sweep, and the jobs that commands span, listed by dry runs."""

import itertools
from pathlib import Path

import pytest
import yaml

from gradexp.configuration.files import CONF_DIR
from tests.command_line import call
from tests.options import option, options
from tests.sweeps.dry_run import listed

PRESETS = sorted(path.stem for path in (CONF_DIR / "sweep").glob("*.yaml"))


def test_a_dry_run_of_a_protocol_counts_its_final_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "-m", "+sweep=benchmark", "optimizer=sgd,adam", "sweep.dry_run=true") is None
    assert "final runs: 20, of the best of each optimizer at 10 fresh seeds" in capsys.readouterr().out


def test_a_benchmark_has_each_optimizers_own_rates_around_its_default(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = yaml.safe_load((CONF_DIR / "sweep" / "benchmark.yaml").read_text())["axes"]
    assert set(preset["optimizer"]) == set(options("optimizer"))
    times = preset["optimizer.lr"]["default_times"]
    assert 1 in times

    def rates(*typed: str) -> list[str]:
        return listed(monkeypatch, capsys, "+sweep=benchmark", *typed)

    trusted = "trusted_packages=[gradexp,lion_pytorch]"
    lion = [f"optimizer.lr={rate}" for rate in ("1e-05", "3e-05", "0.0001", "0.0003", "0.001")]
    nadam = [f"optimizer.lr={rate}" for rate in ("0.0002", "0.0006", "0.002", "0.006", "0.02")]
    assert rates("optimizer._target_=lion_pytorch.Lion,torch.optim.NAdam", trusted) == [
        *(f"optimizer._target_=lion_pytorch.Lion {rate}" for rate in lion),
        *(f"optimizer._target_=torch.optim.NAdam {rate}" for rate in nadam),
    ]
    # A file of the user's own, which names another default, beside rates for one of them; and mappings.
    (own_folder / "mine" / "optimizer").mkdir(parents=True)
    (own_folder / "mine" / "optimizer" / "lion.yaml").write_text("_target_: lion_pytorch.Lion\nlr: 0.1\n")
    found = rates(
        "optimizer=sgd,lion", trusted, f"hydra.searchpath=[file://{own_folder}/mine]",
        "+sweep.axes={optimizer.lr:{optimizer:{sgd:[7.0]}}}",
    )  # fmt: skip
    assert found == [
        "optimizer=sgd optimizer.lr=7.0",
        *(f"optimizer=lion optimizer.lr={rate}" for rate in ("0.01", "0.03", "0.1", "0.3", "1.0")),
    ]
    mapping = "{_target_:lion_pytorch.Lion}"
    assert rates(f"optimizer={mapping},{{_target_:torch.optim.NAdam,lr:2.0}}", trusted) == [
        *(f"optimizer={mapping} {rate}" for rate in lion),
        *(
            f"optimizer={{_target_:torch.optim.NAdam,lr:2.0}} optimizer.lr={rate}"
            for rate in ("0.2", "0.6", "2.0", "6.0", "20.0")
        ),
    ]
    assert rates("optimizer._target_=torch.optim.NAdam") == nadam, "a list of one"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["optimizer=sgd,lion"], "optimizer has no option lion. Options of optimizer:"),
        (
            ["optimizer=lion", "hydra.searchpath=[file:///nowhere]"],
            "hydra.searchpath must be folders that exist; got file:///nowhere.",
        ),
        (
            ["optimizer._target_=torch.optim.NAdam,torch.optim.Rprop", "optimizer.momentum=0.9"],
            "optimizer.momentum is not an argument of NAdam",
        ),
        (
            ["optimizer._target_=lion_pytorch.Lion,torch.optim.NAdam"],
            "optimizer._target_ must name a class in a trusted package",
        ),
        (["optimizer._target_=torch.optim.NAdm,torch.optim.Rprop"], "NAdm"),
        (
            ["+sweep.axes={optimizer.rate:{default_times:[1]}}", "optimizer._target_=torch.optim.NAdam"],
            "optimizer.rate is not an argument of NAdam",
        ),
    ],
)
def test_a_bad_list_of_optimizers_gets_one_message(
    typed: list[str], message: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = str(call(monkeypatch, "-m", "+sweep=benchmark", *typed))
    assert said.startswith("error: ")
    assert message in said
    assert "\n" not in said
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize("typed", ["sweep.resume=a,b", "sweep.dry_run=true,false", "sweep.on_failure=stop,continue"])
def test_keys_of_the_sweep_cannot_be_axes(typed: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, "-m", "seed=0,1", typed)
    assert message == f"error: {typed.partition('=')[0]} must have one value for all jobs; got {typed}."
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_its_command_and_plans_jobs(
    preset: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (CONF_DIR / "sweep" / f"{preset}.yaml").read_text()
    assert f"#   python -m gradexp -m +sweep={preset}" in text
    fewer = ["optimizer=sgd"] if preset == "learning_rate_sensitivity" else []  # of 1,260 jobs
    assert len(listed(monkeypatch, capsys, f"+sweep={preset}", *fewer)) > 2


def test_every_optimizer_is_in_the_comparison_with_its_own_learning_rates() -> None:
    axes = option("sweep", "optimizers")["axes"]
    rates = option("sweep", "learning_rate")["axes"]["optimizer.lr"]["optimizer"]
    assert set(axes["optimizer"]) == set(rates) == set(options("optimizer"))
    for name in rates:
        default = option("optimizer", name)["lr"]
        assert min(rates[name]) <= default <= max(rates[name])
        assert rates[name] == sorted(rates[name])


def test_values_ranges_choices_and_groups_span_a_product(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ("optimizer=sgd,adam", "seed=range(0,2)", "model.hidden=choice([4],[5,6])")
    expected = [
        f"optimizer={optimizer} seed={seed} model.hidden={hidden}"
        for optimizer, seed, hidden in itertools.product(("sgd", "adam"), (0, 1), ("[4]", "[5,6]"))
    ]
    assert listed(monkeypatch, capsys, *typed) == expected


def test_typed_axes_replace_those_of_a_preset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    adam = [f"optimizer.lr={rate}" for rate in ("0.0001", "0.0003", "0.001", "0.003", "0.01")]
    assert listed(monkeypatch, capsys, "+sweep=learning_rate") == adam
    assert listed(monkeypatch, capsys, "+sweep=learning_rate", "optimizer.lr=5.0,7.0") == [
        "optimizer.lr=5.0",
        "optimizer.lr=7.0",
    ]
    both = listed(monkeypatch, capsys, "+sweep=optimizers", "optimizer=adam,lbfgs")
    assert both == [f"optimizer=adam {rate}" for rate in adam] + [
        f"optimizer=lbfgs optimizer.lr={rate} data.batch_size=null" for rate in ("0.1", "0.3", "1.0")
    ]
    assert listed(monkeypatch, capsys, "+sweep=regularization", "regularizer.l1=0.0") == [
        f"regularizer.l2={l2}" for l2 in ("0.0", "1e-05", "0.0001", "0.001", "0.01")
    ]


def test_zip_pairs_values(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ("optimizer=sgd,adam", "optimizer.lr=0.1,0.001", "seed=0,1")
    assert listed(monkeypatch, capsys, *typed, "sweep.zip=[optimizer,optimizer.lr]") == [
        "optimizer=sgd optimizer.lr=0.1 seed=0",
        "optimizer=sgd optimizer.lr=0.1 seed=1",
        "optimizer=adam optimizer.lr=0.001 seed=0",
        "optimizer=adam optimizer.lr=0.001 seed=1",
    ]


def test_equal_jobs_are_planned_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(monkeypatch, capsys, "optimizer.lr=0.1,1e-1,0.2") == ["optimizer.lr=0.1", "optimizer.lr=0.2"]
    # Their computations may be equal, but they are requested as two jobs.
    assert len(listed(monkeypatch, capsys, "trainer.accelerator=cpu,auto")) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-m", "optimizer.lr=0.1,-1"), ["optimizer.lr must be a finite number above 0; got -1. (In the job"]),
        (("-m", "optimizer=sgd,adm"), ["optimizer has no option adm. Did you mean adam?"]),
        (("-m", "optimizr.lr=1,2"), ["optimizr is not a key of the configuration"]),
        (("-m", "model.hiden=[1],[2]"), ["hiden", "hidden"]),
        (("-m", "+sweep=sed"), ["sweep has no option sed. Did you mean seeds?"]),
        (("-m", "optimizer.lr=interval(0.1,1)"), ["optimizer.lr must have several values", "hydra/sweeper"]),
        (("-m", "sweep.zip=[seed]", "seed=0,1"), ["sweep.zip must be a list of two or more keys"]),
        (("-m", "sweep.on_failure=explode", "seed=0,1"), ["sweep.on_failure must be one of continue, stop"]),
        (("-m", "sweep.resume=nowhere"), ["sweep.resume must be the folder of a sweep", "got nowhere"]),
        (("-m", "sweep.final={seeds: [1]}", "seed=0,1"), ["sweep.final must be {for_each: KEY"]),
        (("+sweep=seeds",), ["add -m"]),
        (("sweep.resume=x",), ["add -m"]),
        (("hydra/launcher=vectorized",), ["got hydra/launcher=vectorized", "add -m"]),
        (
            ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
            ["hydra/launcher=joblib, hydra.launcher.n_jobs=2", "add -m"],
        ),
        (("task=report",), ["sweep_dir must be the folder of a multirun", "got null"]),
    ],
)
def test_a_bad_command_gets_one_message_and_writes_no_files(
    arguments: tuple[str, ...], words: list[str], own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = call(monkeypatch, *arguments)
    assert isinstance(message, str)
    assert message.startswith("error: ")
    for word in words:
        assert word in message
    assert list(own_folder.iterdir()) == []
