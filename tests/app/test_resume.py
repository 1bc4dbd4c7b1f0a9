"""A run that was stopped and goes on ends in the very weights of the run that was not."""

import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from gradexp import Result, run
from tests.power_cut import PowerCut, cut_power_at
from tests.processes import kill, start
from tests.run_folder import assert_same, checkpoint, events
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

RANDOM_PARTS = ("model.dropout=0.2", "model.batch_norm=true", "augmentation=elastic", "test=false", "figures=false")


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """The run of some settings that nothing cuts, made once."""
    return cache(lambda *settings: run(*settings, f"hydra.run.dir={tmp_path_factory.mktemp('whole')}"))


@pytest.mark.parametrize("step", [0, 5, 39, 100])
@pytest.mark.parametrize(
    "overrides",
    [
        ("optimizer=momentum", "scheduler=plateau", "scheduler.patience=0", "early_stopping.patience=9"),
        ("optimizer=adamw", "scheduler=onecycle"),
        ("data.val_size=0", "scheduler=step", "scheduler.step_size=1", "data.memory_limit=0"),
    ],
    ids=["plateau", "onecycle", "streamed without validation"],
)
def test_a_run_cut_at_any_step_ends_bit_identically(
    overrides: tuple[str, ...], step: int, monkeypatch: pytest.MonkeyPatch, uncut: Callable[..., Result]
) -> None:
    settings = (*RANDOM_PARTS, *overrides, "trainer.max_epochs=4")
    whole = uncut(*settings)
    with monkeypatch.context() as patch:
        cut_power_at(step, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt", "figures=false")
    assert resumed.folder == Path("cut").absolute(), "a resumed run goes on in its own folder"
    assert_same(whole.folder, resumed.folder)
    numbers = [name for name in whole.metrics if name.startswith(("train/", "val/", "best/"))]
    assert {n: whole.metrics[n] for n in numbers} == {n: resumed.metrics[n] for n in numbers}


@pytest.mark.parametrize("override", ["optimizer=lbfgs", "trainer.accumulate_grad_batches=2", "scheduler=step"])
def test_a_run_with_more_steps_goes_on_in_mid_epoch(override: str) -> None:
    settings = (*RANDOM_PARTS, override, "data.batch_size=100", "model.hidden=[20]")
    whole = run(*settings, "trainer.max_steps=30", "hydra.run.dir=whole")
    run(*settings, "trainer.max_steps=17", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_steps=30", "figures=false")
    assert resumed.metrics["steps"] == whole.metrics["steps"] == 30
    for name, tensor in checkpoint(whole.folder)["state_dict"].items():
        assert torch.equal(tensor, checkpoint(resumed.folder)["state_dict"][name]), name


def test_a_run_resumed_in_another_folder_takes_the_best_state_with_it() -> None:
    first = run(*RANDOM_PARTS, "trainer.max_epochs=2", "hydra.run.dir=first")
    moved = run(
        "ckpt_path=first/checkpoints/last.ckpt",
        "hydra.run.dir=second",
        "optimizer.lr=1e-12",
        "trainer.max_epochs=3",
        "figures=false",
        "test=false",
    )
    assert first.metrics["best/val/accuracy"] <= moved.metrics["best/val/accuracy"]
    assert (moved.folder / "checkpoints" / "best.ckpt").is_file()


def test_a_finished_run_resumed_keeps_its_metrics() -> None:
    first = run("trainer.max_epochs=2", "figures=false")
    again = run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "figures=false")
    for name in ("train/loss", "val/accuracy", "test/accuracy", "epochs", "steps"):
        assert again.metrics[name] == first.metrics[name]


def test_curves_go_on_without_the_steps_that_the_cut_run_logged_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        cut_power_at(95, patch)  # after steps 80 and 90 were logged, which the last checkpoint, of step 78, knows not
        with pytest.raises(PowerCut):
            run("trainer.max_epochs=4", "trainer.log_every_n_steps=10", "figures=false", "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt")
    log = events(resumed.folder)
    # At the end stands the whole epoch's mean, which the HPARAMS tab shows.
    assert [event.step for event in log.Scalars("train/loss")] == [*range(10, 160, 10), 156]
    assert [event.step for event in log.Scalars("val/accuracy")] == [39, 78, 117, 156]


def test_a_process_killed_again_and_again_ends_bit_identically(own_folder: Path) -> None:
    settings = [*RANDOM_PARTS, "scheduler=cosine", "trainer.max_epochs=16"]
    whole = run(*settings, "hydra.run.dir=whole")
    last = own_folder / "killed" / "checkpoints" / "last.ckpt"
    command = [*settings, "hydra.run.dir=killed"]

    def written() -> int | None:
        return last.stat().st_mtime_ns if last.exists() else None

    kills = 0
    dice = random.Random(0)
    while True:
        seen = written()
        process = start(*command)
        wait_until(lambda seen=seen, alive=process.is_alive: written() != seen or not alive(), "a checkpoint")  # type: ignore[misc]
        time.sleep(dice.random() / 2)
        if kills == 2 or not process.is_alive():
            break
        kill(process)
        kills += 1
        command = ["ckpt_path=killed/checkpoints/last.ckpt"]
    process.join(300)
    assert process.exitcode == 0
    assert kills > 0
    assert_same(whole.folder, own_folder / "killed")


def test_what_is_typed_beside_a_checkpoint_is_held_against_the_classes_inside(own_folder: Path) -> None:
    quick = ("trainer.max_epochs=1", "figures=false", "test=false", "model.hidden=[4]")
    first = run("optimizer=momentum", "scheduler=step", *quick)
    last = f"ckpt_path={first.folder / 'checkpoints' / 'last.ckpt'}"
    changed = ("optimizer.momentum=0.5", "scheduler.gamma=0.5", "trainer.max_epochs=2")
    cfg = OmegaConf.load(run(last, *changed, "hydra.run.dir=more").folder / ".hydra" / "config.yaml")
    assert (cfg.optimizer.momentum, cfg.optimizer.lr, cfg.scheduler.gamma) == (0.5, 0.05, 0.5)
    with pytest.raises(ValueError, match=r"optimizer\.betas is not an argument of SGD"):
        run(last, "optimizer.betas=[0.9,0.99]")
