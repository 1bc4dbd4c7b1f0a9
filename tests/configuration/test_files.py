"""Every file in conf/ composes; the command line is combined correctly with a checkpoint's configuration."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from gradexp import compose
from gradexp.app.composition import with_overrides
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.hashes import config_hash
from gradexp.configuration.values import plain
from tests.configuration.options import ADDED, EXPERIMENTS, GROUPS, NEEDED, OPTIONS


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_composes_and_states_its_expected_result(experiment: str) -> None:
    cfg = compose(f"+experiment={experiment}")
    assert cfg.name == experiment
    text = (CONF_DIR / "experiment" / f"{experiment}.yaml").read_text()
    comment = [line for line in text.splitlines() if line.startswith("#")]
    assert comment[0] == "# @package _global_"
    assert any(f"python -m gradexp +experiment={experiment}" in line for line in comment)
    assert any("Expect" in line for line in comment)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_of_every_group_composes(group: str, option: str) -> None:
    plus = "+" if group in ADDED else ""
    cfg = compose(f"{plus}{group}={option}", *NEEDED.get(option, ()))
    content = plain(OmegaConf.create((CONF_DIR / group / f"{option}.yaml").read_text() or "{}"))  # type: ignore[arg-type]
    required = {override.partition(".")[2].partition("=")[0] for override in NEEDED.get(option, ())}
    node = plain(cfg) if group == "problem" else plain(cfg)[group]
    assert contains(node, {key: value for key, value in content.items() if key not in required and key != "defaults"})


@pytest.mark.parametrize(
    ("option", "keys"),
    [
        ("auto", []),
        ("cpu", ["trainer.accelerator=cpu"]),
        ("gpu", ["trainer.accelerator=gpu"]),
        ("mps", ["trainer.accelerator=mps"]),
        ("ddp", ["trainer.devices=auto", "trainer.strategy=ddp"]),
        ("ddp_cpu", ["trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp"]),
    ],
)
def test_an_option_of_trainer_stands_for_keys_of_the_machine(option: str, keys: list[str]) -> None:
    cfg = compose(f"trainer={option}")
    assert plain(cfg) == plain(compose(*keys))
    assert config_hash(cfg) == config_hash(compose())
    later = compose(f"trainer={option}", "+experiment=mnist", "trainer.precision=64-true", "trainer={max_steps:5}")
    assert plain(later) == plain(
        compose("+experiment=mnist", *keys, "trainer.precision=64-true", "trainer.max_steps=5")
    )


def contains(whole: Any, part: Any) -> bool:
    """Whether `whole` has every key of `part`, with the same value."""
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    return bool(whole == part)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_callbacks_can_be_added_to_every_experiment(experiment: str) -> None:
    alone = compose(f"+experiment={experiment}").callbacks
    cfg = compose(f"+experiment={experiment}", "+callbacks=diagnostics")
    assert set(cfg.callbacks) == {*alone, "diagnostics"}


def test_the_help_names_the_groups_that_are_added_with_a_plus() -> None:
    text = (CONF_DIR / "config.yaml").read_text()
    (heading,) = [line for line in text.splitlines() if "Groups and their options" in line]
    named = heading.partition("GROUP=OPTION; ")[2].partition(" with a plus")[0]
    defaults = {key for line in OmegaConf.load(CONF_DIR / "config.yaml").defaults if line != "_self_" for key in line}
    groups = {path.parent.name for path in CONF_DIR.glob("*/*.yaml")}
    assert set(named.split(", ")) == groups - defaults == ADDED


def test_an_experiment_is_added_with_a_plus() -> None:
    with pytest.raises(HydraException):
        compose("experiment=mnist")


def test_the_hash_depends_on_the_experiment_and_not_on_the_machine() -> None:
    base = config_hash(compose())
    assert base == config_hash(compose("data_dir=elsewhere", "trainer.accelerator=cpu", "progress=false"))
    assert base != config_hash(compose("seed=1"))
    assert base != config_hash(compose("optimizer.lr=0.002"))
    assert len(base) == 16


def test_typed_overrides_change_a_checkpoints_config() -> None:
    saved = plain(compose("+experiment=digits", "optimizer=momentum", "model.hidden=[7]", "trainer.accelerator=gpu"))
    overrides = ["task=test", "ckpt_path=x", "data.eval_batch_size=10"]
    cfg = with_overrides(saved, compose(*overrides), overrides, GROUPS)
    assert (cfg.name, cfg.model.hidden, cfg.optimizer.momentum) == ("digits", [7], 0.9)
    assert (cfg.task, cfg.ckpt_path, cfg.data.eval_batch_size) == ("test", "x", 10)
    assert cfg.trainer.accelerator == "auto", "the accelerator belongs to the machine, not to the checkpoint"


def test_a_typed_group_replaces_the_checkpoints_whole_group() -> None:
    saved = plain(compose("optimizer=momentum"))
    overrides = ["optimizer.lr=0.5", "optimizer=adam"]
    cfg = with_overrides(saved, compose(*overrides), overrides, GROUPS)
    assert cfg.optimizer == compose(*overrides).optimizer


def test_a_typed_experiment_replaces_the_checkpoints_config() -> None:
    overrides = ["+experiment=digits", "ckpt_path=x"]
    typed = compose(*overrides)
    assert with_overrides(plain(compose("model.hidden=[7]")), typed, overrides, GROUPS) == typed


def test_trusted_packages_are_never_read_from_a_checkpoint() -> None:
    saved = plain(compose("trusted_packages=[gradexp,evil]"))
    cfg = with_overrides(saved, compose("ckpt_path=x"), ["ckpt_path=x"], GROUPS)
    assert cfg.trusted_packages == ["gradexp"]


def test_help_config_and_errors_do_not_import_torch(own_folder: Path) -> None:
    code = """
import sys
from gradexp.app.command_line import cli
for arguments in (["--help"], ["--cfg", "job"], ["optimizer.lr=-1"], ["+experiment=none"], ["trainer.none=1"]):
    sys.argv = ["gradexp", *arguments]
    try:
        cli()
    except SystemExit as end:
        print(end.code, file=sys.stderr)
    assert "torch" not in sys.modules, arguments
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "+experiment=NAME" in done.stdout
    assert "batch_size: 32" in done.stdout
    assert "optimizer.lr must be" in done.stderr
    assert not list(own_folder.iterdir()), "no file is written"
