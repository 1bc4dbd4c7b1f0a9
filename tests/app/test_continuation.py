"""The command that continues a run has what the checkpoint does not contain, and exists only if the run saved one."""

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from gradexp import compose
from gradexp.app.continuation import Continuation
from gradexp.app.run_record import RunRecord

COMMAND = "continue with: python -m gradexp"
TYPED = ("trainer.devices=2", "trainer.accelerator=cpu", "trusted_packages=[gradexp,my_package]", "data_dir=my data")


@pytest.fixture(autouse=True)
def hydra_job(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part of Hydra's configuration that is used."""
    job = OmegaConf.create({"runtime": {"cwd": str(own_folder)}})
    monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: job))


def of_run(folder: Path, *overrides: str) -> Continuation:
    return Continuation(RunRecord(folder, compose(*overrides)))


def save(folder: Path, content: str = "") -> None:
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / "last.ckpt").write_text(content)


def test_the_command_keeps_what_a_checkpoint_does_not_contain(own_folder: Path) -> None:
    after = of_run(own_folder / "a run", "optimizer.lr=0.1", *TYPED)
    save(own_folder / "a run")
    given = "trusted_packages=[gradexp,my_package]' trainer.accelerator=cpu trainer.devices=2"
    data = """'data_dir='"'"'my data'"'"''"""
    path = """'ckpt_path='"'"'a run/checkpoints/last.ckpt'"'"''"""
    assert after() == f"{COMMAND} task=train {path} {data} '{given}"


def test_the_command_keeps_the_option_of_trainer(own_folder: Path) -> None:
    after = of_run(own_folder / "run", "trainer=ddp_cpu", "trainer.devices=1")
    save(own_folder / "run")
    given = "trainer.accelerator=cpu trainer.strategy=ddp"
    assert after() == f"{COMMAND} task=train ckpt_path=run/checkpoints/last.ckpt {given}"


def test_the_path_is_right_where_the_command_was_typed(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    after = of_run(own_folder / "run")
    save(own_folder / "run")
    monkeypatch.chdir(own_folder / "run")  # as hydra.job.chdir does
    assert after() == f"{COMMAND} task=train ckpt_path=run/checkpoints/last.ckpt"


def test_nothing_continues_a_run_without_a_checkpoint(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["gradexp", "optimizer.lr=0.1"])
    assert of_run(own_folder / "run")() is None


def test_a_resumed_run_that_has_saved_nothing_is_resumed_as_before(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ("ckpt_path=run/checkpoints/last.ckpt", "trainer.max_epochs=9")
    monkeypatch.setattr("sys.argv", ["gradexp", *typed])
    save(own_folder / "run")
    after = of_run(own_folder / "run", *typed)
    assert after() == f"{COMMAND} {' '.join(typed)}"
    (own_folder / "run" / "checkpoints" / "last.ckpt").unlink()
    save(own_folder / "run")
    assert after() == f"{COMMAND} task=train {typed[0]}"


def test_a_run_that_has_ended_is_not_continued(own_folder: Path) -> None:
    after = of_run(own_folder / "run")
    save(own_folder / "run")
    (own_folder / "run" / "metrics.json").write_text('{"status": "diverged"}')
    assert after() == "the run had ended already, as diverged: run"
