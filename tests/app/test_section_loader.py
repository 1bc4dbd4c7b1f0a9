"""Hydra calls the loader methods that gradexp overrides; YAML files that name a class; workers."""

import itertools
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hydra._internal import hydra as hydra_app
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp import compose
from gradexp.app import composition, composition_cache, own_hydra, section_loader
from gradexp.app.section_loader import SectionLoader, class_sections
from gradexp.configuration.files import CONF_DIR
from gradexp.sweeps.launch.jobs import BasicLauncher
from gradexp.sweeps.launch.plugins import register
from tests import hydra_jobs
from tests.hydra_jobs import composed_by_hydra, started_hydra

NADAM = "torch.optim.NAdam"
TYPED = [f"optimizer._target_={NADAM}", "optimizer.lr=0.1"]
WITHOUT_CALLBACKS = [
    f"~hydra.callbacks.{name}" for name in ("forget_configuration", "check_before_run", "write_report")
]
EXPECTED = {"_target_": NADAM, "lr": 0.1}


@pytest.fixture
def files(own_folder: Path) -> Path:
    """A folder of the user's configuration files."""
    for group in ("experiment", "optimizer"):
        (own_folder / group).mkdir()
    return own_folder


def compose_experiment(files: Path, body: str, *overrides: str, name: str = "mine") -> DictConfig:
    (files / "experiment" / f"{name}.yaml").write_text(f"# @package _global_\n{body}")
    with started_hydra() as hydra:
        search = f"hydra.searchpath=[file://{files}]"
        return hydra.compose_config("config", [search, f"+experiment={name}", *overrides], RunMode.RUN)


def test_hydra_creates_section_loader_in_place_of_its_loader() -> None:
    with started_hydra() as hydra:
        assert type(hydra.config_loader) is SectionLoader
    assert vars(hydra_app)["ConfigLoaderImpl"] is ConfigLoaderImpl, "other applications of Hydra keep Hydra's loader"


@pytest.mark.parametrize("hook", ["_parse_overrides_and_create_caching_repo", "_compose_config_from_defaults_list"])
def test_hydra_composes_through_the_hook(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition_cache, "_cache", {})
    called = []
    original = getattr(SectionLoader, hook)

    def record_call(*args: Any, **options: Any) -> Any:
        called.append(hook)
        return original(*args, **options)

    monkeypatch.setattr(SectionLoader, hook, record_call)
    compose()
    assert called == [hook]
    compose("optimizer.lr=0.1", "~hydra.callbacks.check_before_run")
    assert called == [hook], "a plain value and a deleted key use the cached composition"
    with started_hydra() as hydra:
        hydra.compose_config("config", ["optimizer.lr=0.1"], RunMode.MULTIRUN)
    assert called == [hook], "and so does a multirun"
    compose("+experiment=xor")
    compose("+experiment=xor", "optimizer.lr=0.1")
    assert called == [hook] * 2, "an argument of a class is a plain value next to an experiment too"


OVERRIDES = [
    [],
    ["optimizer.lr=0.1", "seed=3", "seed=4", "hydra.run.dir=somewhere"],
    ["optimizer.lr=0.1", "optimizer=sgd"],
    [*TYPED, "++optimizer.momentum_decay=0.1"],
    ["trainer.max_epochs=5", "++trainer.max_epochs=3"],
    ["trainer.max_epochs=5", "trainer=cpu", "trainer={max_steps:3}", "++trainer={devices:2}"],
    ["+experiment=digits", "~hydra.callbacks.write_report", "model.hidden=[5]"],
    ["~optimizer.lr", "hydra.mode=RUN", "~hydra.callbacks.check_before_run"],
    ["optimizer.lr=0.1", "~optimizer.lr", "+optimizer.lr=0.2"],
    ["+experiment=xor", "optimizer.amsgrad=true", "data.batch_size=4", "optimizer.lr=0.1"],
    ["+callbacks.mine.p=1", "optimizer.lr=0.1", "callbacks.mine.p=2"],
    ["+callbacks.mine._target_=x.Y", "optimizer.amsgrad=true", "seed=1"],
    ["~scheduler", "~model.hidden", "model.dropout=0.1"],
    ["+experiment=minibatch", "hydra.job.name=mine"],
    ["hydra/launcher=joblib", "hydra.launcher.n_jobs=3", "name=${task}-${seed}"],
]
AXES = [["seed=0,1", "optimizer.lr=0.1"], ["seed=1", "seed=2,3"], [f"optimizer._target_={NADAM},torch.optim.SGD"]]


@pytest.mark.parametrize(
    ("mode", "overrides"),
    [*itertools.product(RunMode, OVERRIDES), *((RunMode.MULTIRUN, axes) for axes in AXES)],
    ids=str,
)
def test_a_cached_composition_equals_hydras(mode: RunMode, overrides: list[str]) -> None:
    with started_hydra() as hydra:
        expected = composed_by_hydra(hydra.config_loader, overrides, mode)
        for _ in range(2):
            cfg = hydra.config_loader.load_configuration("config", overrides, mode)
            assert OmegaConf.to_yaml(cfg) == OmegaConf.to_yaml(expected)
            cfg.seed = 99  # must not change the next copy


def test_an_option_that_a_multirun_may_lack_is_an_error_in_a_run() -> None:
    with started_hydra() as hydra:
        for mode in (RunMode.MULTIRUN, RunMode.RUN, RunMode.MULTIRUN):
            with (
                nullcontext() if mode is RunMode.MULTIRUN else pytest.raises(ConfigCompositionException, match="optim")
            ):
                assert "optimizer" not in hydra.config_loader.load_configuration("config", ["optimizer=???"], mode)


def test_a_changed_file_is_read_again(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CONF_DIR, "conf")
    for module in (section_loader, own_hydra, composition_cache):
        monkeypatch.setattr(module, "CONF_DIR", own_folder / "conf")
    assert composition.compose().optimizer.lr == 0.001
    file = own_folder / "conf" / "optimizer" / "adam.yaml"
    file.write_text(file.read_text().replace("lr: 0.001", "lr: 0.0025"))
    assert composition.compose().optimizer.lr == 0.0025


def test_a_changed_launcher_of_the_users_folder_is_read_again(files: Path) -> None:
    (files / "hydra" / "launcher").mkdir(parents=True)
    for number in (2, 3):
        (files / "hydra" / "launcher" / "mine.yaml").write_text(f"defaults: [joblib]\nn_jobs: {number}\n")
        assert compose_experiment(files, "seed: 5\n", "hydra/launcher=mine").hydra.launcher.n_jobs == number


def test_an_error_in_hydras_section_is_hydras(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CONF_DIR, "conf")
    for module in (section_loader, own_hydra, composition_cache, hydra_jobs):
        monkeypatch.setattr(module, "CONF_DIR", own_folder / "conf")
    Path("conf/experiment/mine.yaml").write_text("# @package _global_\nhydra: {run: {folder: x}}\n")
    with started_hydra() as hydra:
        with pytest.raises(ConfigCompositionException, match="In 'experiment/mine'") as theirs:
            composed_by_hydra(hydra.config_loader, ["+experiment=mine"], RunMode.RUN)
        with pytest.raises(ConfigCompositionException) as ours:
            hydra.config_loader.load_configuration("config", ["+experiment=mine"], RunMode.RUN)
    assert str(ours.value) == str(theirs.value)


def test_hydras_record_lists_the_typed_overrides() -> None:
    typed = ["optimizer.lr=0.1", "optimizer=sgd", f"optimizer._target_={NADAM}"]
    with started_hydra() as hydra:
        cfg = hydra.compose_config("config", overrides=typed, run_mode=RunMode.RUN)
    assert cfg.hydra.overrides.task == typed
    assert (cfg.hydra.runtime.choices.optimizer, cfg.hydra.runtime.choices.model) == ("custom", "mlp_classifier")


def test_another_class_in_an_experiment_replaces_the_options_keys(files: Path) -> None:
    body = f"optimizer: {{_target_: {NADAM}, lr: 0.5, momentum_decay: 0.5}}\n"
    cfg = compose_experiment(files, body, "optimizer.lr=0.1", "optimizer.maximize=true")
    assert cfg.optimizer == {"_target_": NADAM, "lr": 0.1, "momentum_decay": 0.5, "maximize": True}
    assert cfg.hydra.runtime.choices.optimizer == "custom"
    chosen = compose_experiment(files, f"defaults:\n  - override /optimizer: momentum\n{body}")
    assert chosen.optimizer == {"_target_": NADAM, "lr": 0.5, "momentum_decay": 0.5}
    assert compose_experiment(files, body, *TYPED).optimizer == EXPECTED, (
        "a class that is typed replaces the experiment's"
    )


def test_a_typed_option_replaces_the_class_of_an_experiment(files: Path) -> None:
    body = f"optimizer: {{_target_: {NADAM}, lr: 0.5, momentum_decay: 0.5}}\nmodel: {{hidden: [9]}}\n"
    cfg = compose_experiment(files, body, "optimizer=sgd", "optimizer.maximize=true")
    assert cfg.optimizer == {**compose("optimizer=sgd").optimizer, "maximize": True}
    assert (cfg.model.hidden, cfg.hydra.runtime.choices.optimizer) == ([9], "sgd")


def test_the_same_class_in_an_experiment_only_changes_values(files: Path) -> None:
    cfg = compose_experiment(files, "optimizer: {_target_: torch.optim.Adam, lr: 0.5}\n")
    assert cfg.optimizer == {**compose().optimizer, "lr": 0.5}
    assert cfg.hydra.runtime.choices.optimizer == "adam"


def test_an_experiment_that_extends_another_can_set_several_classes(files: Path) -> None:
    (files / "experiment" / "base.yaml").write_text(
        f"# @package _global_\nseed: 5\noptimizer: {{_target_: {NADAM}, lr: 0.5}}\nmodel: {{hidden: [9]}}\n"
    )
    body = """
defaults: [base, _self_]
scheduler: {_target_: torch.optim.lr_scheduler.ExponentialLR, gamma: 0.9}
optimizer: {_target_: torch.optim.ASGD, lambd: 0.1}
callbacks: {diagnostics: {_target_: gradexp.callbacks.Sparsity}}
"""
    cfg = compose_experiment(files, body, "scheduler.gamma=0.8")
    assert cfg.scheduler == {"_target_": "torch.optim.lr_scheduler.ExponentialLR", "gamma": 0.8}
    assert cfg.optimizer == {"_target_": "torch.optim.ASGD", "lambd": 0.1}
    assert cfg.callbacks == {"diagnostics": {"_target_": "gradexp.callbacks.Sparsity"}}
    assert (cfg.seed, cfg.model.hidden, cfg.model.dropout) == (5, [9], 0.0)


def test_an_option_that_extends_another_keeps_its_keys(files: Path) -> None:
    (files / "optimizer" / "nadam.yaml").write_text(f"defaults: [adam, _self_]\n_target_: {NADAM}\n")
    cfg = compose_experiment(files, "defaults:\n  - override /optimizer: nadam\n")
    assert cfg.optimizer == {**compose("optimizer=adam").optimizer, "_target_": NADAM}
    assert cfg.hydra.runtime.choices.optimizer == "nadam"


def test_a_worker_composes_as_the_process_that_pickled_the_loader() -> None:
    # Both run in new processes: in this one Hydra may have imported its plugins twice.
    pickled = """
import pickle, sys
from hydra.types import RunMode
from tests.hydra_jobs import started_hydra
with started_hydra() as hydra:
    master = hydra.compose_config("config", overrides=[], run_mode=RunMode.MULTIRUN)
    sys.stdout.buffer.write(pickle.dumps((hydra.config_loader, master)))
"""
    code = f"""
import pickle, sys
loader, master = pickle.load(sys.stdin.buffer)
print(loader.load_sweep_config(master, {TYPED}).optimizer)
"""
    content = subprocess.run([sys.executable, "-c", pickled], capture_output=True, check=True, timeout=300).stdout
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=False, timeout=300)
    assert done.stdout.decode().strip() == str(EXPECTED), done.stderr.decode()


def test_hydras_basic_sweeper_uses_the_loader(own_folder: Path) -> None:
    seen: list[DictConfig] = []
    typed = [f"optimizer._target_={NADAM},torch.optim.SGD", "optimizer.lr=0.1,0.2"]
    plain = ["hydra/sweeper=basic", "hydra.mode=MULTIRUN", "hydra.sweep.dir=sweep", *WITHOUT_CALLBACKS]
    register(BasicLauncher)
    with started_hydra() as hydra:
        hydra.multirun("config", seen.append, [*typed, *plain], with_log_configuration=False)
    assert [cfg.optimizer for cfg in seen] == [
        {"_target_": name, "lr": lr} for name in (NADAM, "torch.optim.SGD") for lr in (0.1, 0.2)
    ]


def test_hydras_loader_is_restored_after_the_context() -> None:
    with pytest.raises(ZeroDivisionError), class_sections():
        _ = 1 / 0
    assert vars(hydra_app)["ConfigLoaderImpl"] is ConfigLoaderImpl
