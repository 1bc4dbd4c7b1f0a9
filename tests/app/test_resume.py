"""A run that is interrupted and resumed ends with exactly the weights of an uninterrupted run."""

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
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """Runs the given settings without interruption, once for each."""
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
def test_a_run_interrupted_at_any_step_ends_bit_identically(
    overrides: tuple[str, ...], step: int, monkeypatch: pytest.MonkeyPatch, uninterrupted: Callable[..., Result]
) -> None:
    settings = (*RANDOM_PARTS, *overrides, "trainer.max_epochs=3")
    whole = uninterrupted(*settings)
    with monkeypatch.context() as patch:
        cut_power_at(step, patch)
        with pytest.raises(PowerCut):
            run(*settings, "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt", "figures=false")
    assert resumed.folder == Path("cut").absolute(), "a resumed run continues in its own folder"
    assert_same(whole.folder, resumed.folder)
    numbers = [name for name in whole.metrics if name.startswith(("train/", "val/", "best/"))]
    assert {n: whole.metrics[n] for n in numbers} == {n: resumed.metrics[n] for n in numbers}


@pytest.mark.parametrize("override", ["optimizer=lbfgs", "trainer.accumulate_grad_batches=2", "scheduler=step"])
def test_a_run_resumed_in_mid_epoch_with_more_steps_ends_bit_identically(override: str) -> None:
    settings = (*RANDOM_PARTS, override, "data.batch_size=100", "model.hidden=[20]")
    whole = run(*settings, "trainer.max_steps=30", "hydra.run.dir=whole")
    run(*settings, "trainer.max_steps=17", "hydra.run.dir=part")
    resumed = run("ckpt_path=part/checkpoints/last.ckpt", "trainer.max_steps=30", "figures=false")
    assert resumed.metrics["steps"] == whole.metrics["steps"] == 30
    for name, tensor in checkpoint(whole.folder)["state_dict"].items():
        assert torch.equal(tensor, checkpoint(resumed.folder)["state_dict"][name]), name


def test_a_run_resumed_in_another_folder_keeps_its_best_checkpoint() -> None:
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


def test_resuming_a_finished_run_keeps_its_metrics() -> None:
    first = run("trainer.max_epochs=2", "figures=false")
    again = run(f"ckpt_path={first.folder}/checkpoints/last.ckpt", "figures=false")
    for name in ("train/loss", "val/accuracy", "test/accuracy", "epochs", "steps"):
        assert again.metrics[name] == first.metrics[name]


def test_a_resumed_run_replaces_values_logged_after_the_last_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        cut_power_at(95, patch)  # steps 80 and 90 are logged after the last checkpoint, at step 78
        with pytest.raises(PowerCut):
            run("trainer.max_epochs=4", "trainer.log_every_n_steps=10", "figures=false", "hydra.run.dir=cut")
    resumed = run("ckpt_path=cut/checkpoints/last.ckpt")
    log = events(resumed.folder)
    assert [event.step for event in log.Scalars("train/loss")] == list(range(10, 160, 10))
    assert [event.step for event in log.Scalars("val/accuracy")] == [39, 78, 117, 156]


def test_a_process_killed_repeatedly_ends_bit_identically(own_folder: Path) -> None:
    settings = [*RANDOM_PARTS, "scheduler=cosine", "trainer.max_epochs=16"]
    whole = run(*settings, "hydra.run.dir=whole")
    last = own_folder / "killed" / "checkpoints" / "last.ckpt"
    command = [*settings, "hydra.run.dir=killed"]

    def checkpoint_time() -> int | None:
        return last.stat().st_mtime_ns if last.exists() else None

    kills = 0
    rng = random.Random(0)
    while True:
        seen = checkpoint_time()
        process = start(*command)
        wait_until(lambda seen=seen, alive=process.is_alive: checkpoint_time() != seen or not alive(), "a checkpoint")  # type: ignore[misc]
        time.sleep(rng.random() / 2)
        if kills == 2 or not process.is_alive():
            break
        kill(process)
        kills += 1
        command = ["ckpt_path=killed/checkpoints/last.ckpt"]
    process.join(300)
    assert process.exitcode == 0
    assert kills > 0
    assert_same(whole.folder, own_folder / "killed")


def test_overrides_typed_with_a_checkpoint_are_checked_against_its_classes(own_folder: Path) -> None:
    quick = ("trainer.max_epochs=1", "figures=false", "test=false", "model.hidden=[4]")
    first = run("optimizer=momentum", "scheduler=step", *quick)
    last = f"ckpt_path={first.folder / 'checkpoints' / 'last.ckpt'}"
    changed = ("optimizer.momentum=0.5", "scheduler.gamma=0.5", "trainer.max_epochs=2")
    cfg = OmegaConf.load(run(last, *changed, "hydra.run.dir=more").folder / ".hydra" / "config.yaml")
    assert (cfg.optimizer.momentum, cfg.optimizer.lr, cfg.scheduler.gamma) == (0.5, 0.05, 0.5)
    with pytest.raises(ValueError, match=r"optimizer\.betas is not an argument of SGD"):
        run(last, "optimizer.betas=[0.9,0.99]")
